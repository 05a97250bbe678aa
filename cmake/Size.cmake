# A release's size: what an ordinary request passes through is made fast, as
# its build type says, and all else small.
include(CheckCCompilerFlag)

set(SSTATE_FAST
  base/arena base/buf base/clock base/codec base/table base/whole
  record/encode record/ops record/record
  crypto/box crypto/pad crypto/prf crypto/seal crypto/token
  session/attempts session/change session/commit session/fetch
  session/request session/session session/state session/values session/write
  store/pool store/store
  store/file_dir store/file_io store/file_rec store/file_slot
  store/memshard store/memtab)

# A few words are cleared or copied by stores: to start what repeats itself
# takes a processor longer than that.
set(few "512:noalign,libcall:-1:noalign")
set(SSTATE_FAST_FLAGS "-mmemset-strategy=vector_loop:${few}"
  "-mmemcpy-strategy=vector_loop:${few}")
string(REPLACE ";" " " flags "${SSTATE_FAST_FLAGS}")
check_c_compiler_flag("${flags}" SSTATE_HAS_STRATEGY)
if(NOT SSTATE_HAS_STRATEGY)
  set(SSTATE_FAST_FLAGS "")
endif()

foreach(source IN LISTS SSTATE_SOURCES)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/src" "${source}")
  string(REGEX REPLACE "\\.c$" "" name "${name}")
  set(flags ${SSTATE_FAST_FLAGS})
  if(NOT name IN_LIST SSTATE_FAST)
    set(flags -Os)
  endif()
  set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS
    "$<$<CONFIG:Release,RelWithDebInfo>:${flags}>")
endforeach()

# No exception passes through C; debuggers read .debug_frame.
foreach(flag IN ITEMS -fno-asynchronous-unwind-tables -fno-unwind-tables)
  string(MAKE_C_IDENTIFIER "SSTATE_HAS${flag}" has)
  check_c_compiler_flag(${flag} ${has})
  if(${has})
    target_compile_options(securestate_objects PRIVATE
      "$<$<CONFIG:Release,RelWithDebInfo,MinSizeRel>:${flag}>")
  endif()
endforeach()
