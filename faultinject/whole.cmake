# Many objects as one.
#
#   sockfault_add_whole(NAME PARTS [OPTION…])
#       one object of those in the OBJECT library PARTS, for whatever links to
#       NAME.  OPTIONs are the linker's.
#
# A simulated call goes through a dozen small functions in as many files.  With
# LLVM's linker of the compiler's own version the parts are optimised as one,
# which makes a session some 8 % faster, and such a call another 7 % by inlining
# more (O3); with any other it is a plain object.  PARTS are to be compiled with
# ${sockfault_whole_compile}.

include_guard(GLOBAL)

set(sockfault_whole_compile "")
set(sockfault_whole_linker ${CMAKE_LINKER} -r)
if(CMAKE_C_COMPILER_ID STREQUAL "Clang"
   AND NOT SOCKFAULT_ENGINE STREQUAL "environment")
  string(REGEX MATCH "^[0-9]+" sockfault_clang ${CMAKE_C_COMPILER_VERSION})
  find_program(SOCKFAULT_LLD_${sockfault_clang} ld.lld-${sockfault_clang})
  if(SOCKFAULT_LLD_${sockfault_clang})
    set(sockfault_whole_compile -flto)
    set(sockfault_whole_linker
      ${SOCKFAULT_LLD_${sockfault_clang}} -r --lto-O3)
  endif()
endif()

function(sockfault_add_whole name parts)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${sockfault_whole_linker} ${ARGN} -o ${object}
      $<TARGET_OBJECTS:${parts}>
    DEPENDS $<TARGET_OBJECTS:${parts}>
    COMMAND_EXPAND_LISTS VERBATIM)
  add_custom_target(${name}_object DEPENDS ${object})
  add_library(${name} INTERFACE)
  add_dependencies(${name} ${name}_object)
  target_sources(${name} INTERFACE ${object})
  target_link_libraries(${name} INTERFACE ${CMAKE_DL_LIBS})
endfunction()
