# Sanitizers for the library, the examples and the tests alike.
set(SSTATE_NO_UNDEFINED LINKER:--no-undefined)
if(SSTATE_HEAP OR SSTATE_SANITIZE MATCHES "address")
  # base/vault.c: a mapping has no red zones and is no leak.
  add_compile_definitions(SSTATE_HEAP)
endif()
if(SSTATE_SANITIZE)
  add_compile_options(-fsanitize=${SSTATE_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SSTATE_SANITIZE})
  # clang leaves its run-time's symbols to the program.
  set(SSTATE_NO_UNDEFINED "")
  if(BUILD_TESTING)
    # Tests run programs as ordinary users, too.
    set(reports "${PROJECT_BINARY_DIR}/reports")
    file(MAKE_DIRECTORY "${reports}")
    file(CHMOD "${reports}" PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE
      GROUP_READ GROUP_WRITE GROUP_EXECUTE WORLD_READ WORLD_WRITE
      WORLD_EXECUTE)
    add_compile_definitions(SSTATE_REPORTS="${reports}/report")
    add_compile_options("SHELL:-include ${PROJECT_SOURCE_DIR}/tests/reported.h")
  endif()
endif()
