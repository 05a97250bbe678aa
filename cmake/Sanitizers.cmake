# Sanitizers for the library, the examples and the tests alike.
set(SSTATE_NO_UNDEFINED LINKER:--no-undefined)
if(SSTATE_SANITIZE)
  add_compile_options(-fsanitize=${SSTATE_SANITIZE}
    -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${SSTATE_SANITIZE})
  # clang leaves its run-time's symbols to the program.
  set(SSTATE_NO_UNDEFINED "")
endif()
