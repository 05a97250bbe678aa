# Hardening, as far as the compiler at hand knows it.  A sanitizer does its
# own checking and bears none of this beside it.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(SSTATE_HARDENING AND NOT SSTATE_SANITIZE)
  foreach(flag IN ITEMS -fstack-protector-strong -fstack-clash-protection
      -ftrivial-auto-var-init=zero)
    string(MAKE_C_IDENTIFIER "SSTATE_HAS${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
      add_compile_options(${flag})
    endif()
  endforeach()
  # It needs an optimising build; a distribution may have set its own level.
  add_compile_options(
    "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-U_FORTIFY_SOURCE>"
    "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:-D_FORTIFY_SOURCE=3>")
  add_link_options(LINKER:-z,relro LINKER:-z,now LINKER:-z,noexecstack)
endif()
