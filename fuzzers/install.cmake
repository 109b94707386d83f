# What `cmake --install` puts where, for projects that use sockfault.
#
#   bin/                  sockfault and the programs of its verbs
#   LIBDIR/               libsockfault*.so (preloaded),
#                         libsockfault-session.a (linked)
#   LIBDIR/sockfault/     the mutator that afl-fuzz loads
#   LIBDIR/cmake/…        find_package(sockfault)
#   LIBDIR/pkgconfig/     pkg-config sockfault
#   include/sockfault/    the headers, by the names they have here
#   share/man/
#
# Nothing installed names this machine: all paths are relative to each other.

include(CMakePackageConfigHelpers)

# The simulator, the mutator and the prover as one object, since libraries that
# are linked dynamically need all of the names it stands in for, and none of those
# that are only ours; and a main() that is taken only where no engine brings one.
# Of the allocator, see malloc.c.
set(allocator ${PROJECT_SOURCE_DIR}/faultinject/interpose/malloc.c)
add_library(allocator_gives_way OBJECT ${allocator})
target_compile_definitions(allocator_gives_way PRIVATE SF_GIVES_WAY)
set(prove_objects
  $<TARGET_OBJECTS:prove_own> $<TARGET_OBJECTS:allocator_gives_way>)
set(sim_object ${PROJECT_BINARY_DIR}/sockfault-session.o)
get_target_property(sim_parts sockfault_prove_sim INTERFACE_SOURCES)
add_custom_command(
  OUTPUT ${sim_object}
  COMMAND ${CMAKE_LINKER} -r -o ${sim_object}
    ${sim_parts} $<TARGET_OBJECTS:fuzz_mutate> ${prove_objects}
  COMMAND ${CMAKE_OBJCOPY} --wildcard
    --localize-symbol=sim --localize-symbol=sim_*
    --localize-symbol=arena_* --localize-symbol=files_*
    --localize-symbol=fm_* --localize-symbol=image_*
    --localize-symbol=machine_* --localize-symbol=process_*
    --localize-symbol=prove_* ${sim_object}
  DEPENDS
    ${sim_parts} $<TARGET_OBJECTS:fuzz_mutate> ${prove_objects}
  COMMAND_EXPAND_LISTS VERBATIM)
add_library(sockfault_archive STATIC
  ${sim_object} ${CMAKE_CURRENT_LIST_DIR}/replay.c ${allocator})
set_target_properties(sockfault_archive PROPERTIES
  OUTPUT_NAME sockfault-session EXPORT_NAME sim LINKER_LANGUAGE C)
set_source_files_properties(${sim_object} PROPERTIES
  EXTERNAL_OBJECT TRUE GENERATED TRUE)
target_link_libraries(sockfault_archive INTERFACE ${CMAKE_DL_LIBS})
target_compile_definitions(sockfault_archive INTERFACE SF_ARCHIVE)
target_sources(sockfault_archive INTERFACE
  FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES
  faultinject/calls.def
  faultinject/inject/area.h
  faultinject/inject/chooser.h
  faultinject/inject/counter.h
  faultinject/inject/fault.h
  faultinject/inject/faults.def
  faultinject/inject/finding.h
  faultinject/session/run.h
  faultinject/session/session.h
  faultinject/simnet/simnet.h
  faultinject/session/target.h
  faultinject/world.h
  fuzzers/fuzz.h
  fuzzers/pieces.h)

set_target_properties(sockfault PROPERTIES EXPORT_NAME preload)
set_target_properties(sockfault_command PROPERTIES EXPORT_NAME command)
install(TARGETS sockfault sockfault_command sockfault_notify sockfault_archive
  EXPORT sockfault
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sockfault)
install(TARGETS sockfault_memory sockfault_sim_preload sockfault-sim
  sockfault-session sockfault-record sockfault-prove)
install(TARGETS mutate_session
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/sockfault)
foreach(section 1 5)
  install(DIRECTORY docs/man/
    DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section}
    FILES_MATCHING PATTERN "*.${section}")
endforeach()
install(FILES ${PROJECT_SOURCE_DIR}/faultinject/explore/sockfault.bash
  RENAME sockfault
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/sockfault)
install(EXPORT sockfault NAMESPACE sockfault:: FILE sockfaultTargets.cmake
  DESTINATION ${package})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sockfaultVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sockfaultVersion.cmake
  DESTINATION ${package} RENAME sockfaultConfigVersion.cmake)
foreach(file sockfaultConfig.cmake sockfault.cmake)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/${file} DESTINATION ${package})
endforeach()

file(RELATIVE_PATH prefix_from_pc
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(${CMAKE_CURRENT_LIST_DIR}/sockfault.pc.in
  ${PROJECT_BINARY_DIR}/sockfault.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sockfault.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
