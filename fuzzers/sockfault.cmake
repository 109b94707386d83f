# How code is compiled to be fuzzed.  Projects that use sockfault include this
# file too.
#
#   sockfault_add_library(NAME SOURCES …)
#       two libraries from the same files: NAME as it ships, and NAME_checked
#       with the sanitizers and the engine's instrumentation.
#   sockfault_add_fuzzer(NAME [UNLISTED] [HARNESS] SOURCES … [LIBRARIES …])
#       an executable from a file with LLVMFuzzerTestOneInput, for the engine
#       of this build, in its folder bin.  The names of all are in fuzzers.txt of
#       the build, for the scripts; UNLISTED: of all but this one.  HARNESS: the sources
#       judge and the code under test is in LIBRARIES, so that the engine
#       need not look at the sources.
#
#   SOCKFAULT_ENGINE    none: a stand-alone replayer (fuzzers/replay.c)
#                       libfuzzer, afl
#                       environment: $LIB_FUZZING_ENGINE and $CFLAGS are used
#                       verbatim and nothing is added to them
#   SOCKFAULT_SANITIZE  for the checked code, as in -fsanitize=

include_guard(GLOBAL)

if(DEFINED ENV{LIB_FUZZING_ENGINE})
  set(sockfault_engine_default environment)
else()
  set(sockfault_engine_default none)
endif()
set(SOCKFAULT_ENGINE ${sockfault_engine_default} CACHE STRING
  "none, libfuzzer, afl or environment")
set_property(CACHE SOCKFAULT_ENGINE PROPERTY STRINGS
  none libfuzzer afl environment)
set(SOCKFAULT_SANITIZE address,undefined CACHE STRING
  "sanitizers for the checked code; empty for none")

if(NOT SOCKFAULT_ENGINE MATCHES "^(none|libfuzzer|afl|environment)$")
  message(FATAL_ERROR "SOCKFAULT_ENGINE is '${SOCKFAULT_ENGINE}': "
    "expected none, libfuzzer, afl or environment")
endif()
if(SOCKFAULT_ENGINE STREQUAL "afl" AND NOT CMAKE_C_COMPILER MATCHES "afl-[^/]*$")
  message(FATAL_ERROR "SOCKFAULT_ENGINE is 'afl', and the compiler is "
    "${CMAKE_C_COMPILER}: expected one of AFL++'s, as afl-clang-fast")
endif()

# Flags of the checked code; -fsanitize=fuzzer never goes into CMAKE_C_FLAGS,
# where it would break the compiler check.
set(sockfault_compile -g -fno-omit-frame-pointer)
set(sockfault_link "")
if(SOCKFAULT_SANITIZE)
  list(APPEND sockfault_compile
    -fsanitize=${SOCKFAULT_SANITIZE} -fno-sanitize-recover=all)
  list(APPEND sockfault_link -fsanitize=${SOCKFAULT_SANITIZE})
endif()
if(SOCKFAULT_ENGINE MATCHES "^(libfuzzer|afl)$")
  set(sockfault_instrument -fsanitize=fuzzer-no-link)
  set(sockfault_engine -fsanitize=fuzzer)
elseif(SOCKFAULT_ENGINE STREQUAL "environment")
  set(sockfault_compile "")
  set(sockfault_link "")
  set(sockfault_instrument "")
  separate_arguments(sockfault_engine
    UNIX_COMMAND "$ENV{LIB_FUZZING_ENGINE}")
  enable_language(CXX) # which these engines are written in
else()
  set(sockfault_instrument "")
  set(sockfault_engine "")
endif()

# The main() of a stand-alone replayer, and where headers are; when installed
# the one is in the archive and the other its property.
if(TARGET sockfault::sim)
  set(sockfault_replay "")
  set(sockfault_include "")
  set(sockfault_main sockfault::sim)
else()
  set(sockfault_replay ${CMAKE_CURRENT_LIST_DIR}/replay.c)
  set(sockfault_include ${CMAKE_CURRENT_LIST_DIR}/..)
  set(sockfault_main "")
endif()

# What the engine shall not look at.  AFL++'s compiler instruments whatever it
# is not told to leave alone.
set(sockfault_plain "")
if(SOCKFAULT_ENGINE STREQUAL "afl")
  set(sockfault_plain --afl-noopt)
endif()

function(sockfault_add_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  add_library(${name} STATIC ${arg_SOURCES})
  add_library(${name}_checked STATIC ${arg_SOURCES})
  target_compile_options(${name}_checked PRIVATE
    ${sockfault_compile} ${sockfault_instrument})
  target_link_options(${name}_checked PUBLIC ${sockfault_link})
endfunction()

function(sockfault_add_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg
    "UNLISTED;HARNESS" "" "SOURCES;LIBRARIES")
  add_executable(${name} ${arg_SOURCES})
  if(SOCKFAULT_ENGINE STREQUAL "environment")
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  elseif(SOCKFAULT_ENGINE STREQUAL "none")
    target_sources(${name} PRIVATE ${sockfault_replay})
  endif()
  set_target_properties(${name} PROPERTIES
    RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
  target_include_directories(${name} PRIVATE ${sockfault_include})
  target_compile_options(${name} PRIVATE ${sockfault_compile})
  if(arg_HARNESS)
    target_compile_options(${name} PRIVATE ${sockfault_plain})
  else()
    target_compile_options(${name} PRIVATE ${sockfault_instrument})
  endif()
  target_link_options(${name} PRIVATE ${sockfault_link} ${sockfault_engine})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES} ${sockfault_main})
  if(arg_UNLISTED)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY SOCKFAULT_FUZZERS ${name})
  get_property(fuzzers GLOBAL PROPERTY SOCKFAULT_FUZZERS)
  list(JOIN fuzzers "\n" lines)
  file(WRITE ${PROJECT_BINARY_DIR}/fuzzers.txt "${lines}\n")
endfunction()
