# A release's size: what an ordinary request passes through is made fast, as
# its build type says, and all else small.
include(CheckCCompilerFlag)

set(SSTATE_FAST
  base/arena base/buf base/clock base/codec base/guard base/table
  record/record record/ops
  crypto/pad crypto/prf crypto/seal crypto/token
  session/attempts session/change session/commit session/fetch
  session/mindset session/request session/session session/state
  session/values session/write
  store/pool store/store
  store/file store/file_dir store/file_io store/file_lock store/file_rec
  store/file_slot
  store/memory store/memroom store/memshard store/memtab store/memtime)

foreach(source IN LISTS SSTATE_SOURCES)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/src" "${source}")
  string(REGEX REPLACE "\\.c$" "" name "${name}")
  if(NOT name IN_LIST SSTATE_FAST)
    set_property(SOURCE "${source}" APPEND PROPERTY COMPILE_OPTIONS
      "$<$<CONFIG:Release,RelWithDebInfo>:-Os>")
  endif()
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
