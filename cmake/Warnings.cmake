# One list for gcc and clang; an error only where a preset asks for it.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wwrite-strings
  -Wcast-qual -Wformat=2)
if(SSTATE_WERROR)
  add_compile_options(-Werror)
endif()
