/* fuzz_echo.cc: a fuzz target may be C++ as well. */
#include "faultinject/session/target.h"

#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

static bool send_all(int fd, const std::vector<char> &bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t r = send(fd, &bytes[at], len - at, MSG_NOSIGNAL);

        if (r < 0 && errno != EINTR)
            return false;
        at += r > 0 ? (size_t)r : 0;
    }
    return true;
}

static void run(void *, int fd)
{
    std::vector<char> bytes(64);
    ssize_t r;

    while ((r = recv(fd, bytes.data(), bytes.size(), 0)) != 0)
        if (r < 0 ? errno != EINTR : !send_all(fd, bytes, (size_t)r))
            break;
    close(fd);
}

SF_FUZZ_TARGET(.name = "echo", .side = SF_GIVEN, .run = run,
               .received = sf_peer_echo, .no_dead_fd = true)
