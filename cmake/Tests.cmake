# Tests by their place: tests/FOLDER/NAME_test.{c,sh,py,pl} is test
# FOLDER/NAME with label FOLDER.  All print TAP; the exit code judges.
#
# A comment line in a test may say
#	link: -Wl,--wrap=pwrite		options for this one program
#	compile: -O2			the same, of its compiler
#	label: NAME			one more label
#	driver: NAME			link that store driver, or skip
# A test that does more where SSTATE_TEST_LONG asks for it gets the label
# "long".  Whoever traces processes gets the label "trace": no sanitizer
# bears that.
set(SSTATE_THREAD_TESTS "")

# The options after "KEY:" in the comments of a source, as a list.
function(sstate_comment out source key)
  set(found "")
  file(STRINGS "${source}" lines REGEX "^[ \t]*(/\\*|\\*|//|#)[ \t]*${key}:")
  foreach(line IN LISTS lines)
    string(REGEX REPLACE "^.*${key}:[ \t]*" "" line "${line}")
    string(REGEX REPLACE "[ \t]*\\*/.*$" "" line "${line}")
    separate_arguments(words UNIX_COMMAND "${line}")
    list(APPEND found ${words})
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

function(sstate_register name source)
  get_filename_component(folder "${name}" DIRECTORY)
  sstate_comment(labels "${source}" "label")
  file(STRINGS "${source}" traces REGEX "strace|ptrace|PTRACE|valgrind")
  if(traces)
    list(APPEND labels trace)
  endif()
  file(STRINGS "${source}" more REGEX "test_long|kit_scale|SSTATE_TEST_LONG")
  if(more)
    list(APPEND labels long)
  endif()
  if(NOT source MATCHES "\\.c$")
    list(APPEND labels script)
  endif()
  if(folder MATCHES "^(model|analysis)$")
    # Minutes of a model checker or of clang-tidy pass beside the rest, so
    # they start first.
    set_tests_properties("${name}" PROPERTIES COST 1000)
  endif()
  set_tests_properties("${name}" PROPERTIES TIMEOUT "${SSTATE_TEST_TIMEOUT}"
    LABELS "${folder};${labels}"
    ENVIRONMENT "BUILD_DIR=${PROJECT_BINARY_DIR};\
SOURCE_DIR=${PROJECT_SOURCE_DIR};CC=${CMAKE_C_COMPILER};\
SANITIZE=${SSTATE_SANITIZE}")
endfunction()

file(GLOB programs CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/tests/*/*_test.c")
foreach(source IN LISTS programs)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/tests" "${source}")
  string(REGEX REPLACE "_test\\.c$" "" name "${name}")
  string(REPLACE "/" "_" target "${name}_test")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  sstate_comment(options "${source}" "link")
  sstate_comment(flags "${source}" "compile")
  sstate_comment(drivers "${source}" "driver")
  set(missing "")
  foreach(driver IN LISTS drivers)
    if(TARGET driver_${driver})
      list(APPEND options driver_${driver})
    else()
      set(missing "${driver}")
    endif()
  endforeach()
  if(missing)
    add_test(NAME "${name}" COMMAND "${CMAKE_COMMAND}" -E echo
      "1..0 # SKIP this build has no driver ${missing}")
    continue()
  endif()
  add_executable(${target} "${source}")
  set_target_properties(${target} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
  # Hidden functions are within reach, and an object that a test replaces
  # whole (base/rand.c for one) is not taken from the archive.
  target_include_directories(${target} PRIVATE
    "${PROJECT_SOURCE_DIR}/src" "${PROJECT_SOURCE_DIR}/tests")
  # A test may cut a text that it shows, let a set-up step fail later, or
  # give a struct its first members alone.
  target_compile_options(${target} PRIVATE -UNDEBUG -Wno-unused-result
    -Wno-missing-field-initializers
    $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation> ${flags})
  target_link_libraries(${target} PRIVATE securestate_static
    PkgConfig::SODIUM Threads::Threads ${options})
  add_test(NAME "${name}" COMMAND ${target})
  sstate_register("${name}" "${source}")
  sstate_comment(labels "${source}" "label")
  if("thread" IN_LIST labels)
    list(APPEND SSTATE_THREAD_TESTS ${target})
  endif()
endforeach()

# scripts/soak runs it.
add_executable(soak EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/soak/soak.c")
set_target_properties(soak PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
target_link_libraries(soak PRIVATE securestate_static Threads::Threads)

# What the thread sanitizer builds.
add_custom_target(thread_tests DEPENDS ${SSTATE_THREAD_TESTS})

file(GLOB scripts CONFIGURE_DEPENDS
  "${PROJECT_SOURCE_DIR}/tests/*/*_test.sh"
  "${PROJECT_SOURCE_DIR}/tests/*/*_test.py"
  "${PROJECT_SOURCE_DIR}/tests/*/*_test.pl")
set(run_sh sh)
# Not the first python3 on PATH: Debian's modules belong to Debian's own.
set(run_py /usr/bin/python3)
set(run_pl perl)
foreach(source IN LISTS scripts)
  file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}/tests" "${source}")
  string(REGEX MATCH "[a-z]+$" kind "${name}")
  string(REGEX REPLACE "_test\\.[a-z]+$" "" name "${name}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  add_test(NAME "${name}" COMMAND ${run_${kind}} "${source}")
  sstate_register("${name}" "${source}")
endforeach()

add_test(NAME layering COMMAND perl
  "${PROJECT_SOURCE_DIR}/tests/layering.pl" "${PROJECT_SOURCE_DIR}")
