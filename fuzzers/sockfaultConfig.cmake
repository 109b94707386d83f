# find_package(sockfault): the functions of sockfault.cmake, and
#
#   sockfault::sim       sessions in memory, to be linked into a fuzz target
#   sockfault::preload   libsockfault.so
#   sockfault::command   the sockfault command
include(${CMAKE_CURRENT_LIST_DIR}/sockfaultTargets.cmake)
include(${CMAKE_CURRENT_LIST_DIR}/sockfault.cmake)
