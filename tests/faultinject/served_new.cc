// served_new.cc: an echo server in C++, one thread and select.
//
//     served_new PORT           who has no memory for a client lets it go
//     served_new PORT trusts    there is always some
#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <map>
#include <new>
#include <string>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t over;
static std::map<int, std::string> unsent; // by client

static void stop(int)
{
    over = 1;
}

static int listen_at(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};

    address.sin_family = AF_INET;
    address.sin_port = htons(uint16_t(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) < 0 ||
        listen(fd, 9) < 0)
        _exit(2);
    return fd;
}

static void welcome(int listener)
{
    int fd = accept(listener, nullptr, nullptr);

    if (fd < 0)
        return;
    try {
        unsent[fd];
    } catch (const std::bad_alloc &) {
        close(fd);
    }
}

// False: it has gone, or has to.
static bool hear(int fd, std::string &answer)
{
    char bytes[100];
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);

    if (n <= 0)
        return n < 0 && errno == EINTR;
    try {
        answer.append(bytes, size_t(n)).append(20, ' ');
    } catch (const std::bad_alloc &) {
        return false;
    }
    return true;
}

static bool answer(int fd, std::string &text)
{
    ssize_t n = send(fd, text.data(), text.size(), MSG_NOSIGNAL);

    if (n > 0)
        text.erase(0, size_t(n));
    return n > 0 || errno == EINTR || errno == EAGAIN;
}

static void serve(const fd_set *heard, const fd_set *free)
{
    for (auto client = unsent.begin(); client != unsent.end();) {
        auto &[fd, text] = *client;
        bool stays = true;

        if (FD_ISSET(fd, heard))
            stays = hear(fd, text);
        else if (FD_ISSET(fd, free))
            stays = answer(fd, text);
        if (!stays)
            close(fd);
        client = stays ? std::next(client) : unsent.erase(client);
    }
}

int main(int argc, char **argv)
{
    int listener = listen_at(atoi(argv[1]));
    struct sigaction action = {};

    action.sa_handler = stop;
    sigaction(SIGTERM, &action, nullptr);
    while (!over) {
        fd_set heard, free;
        int last = listener;

        FD_ZERO(&heard);
        FD_ZERO(&free);
        FD_SET(listener, &heard);
        for (const auto &[fd, text] : unsent) {
            FD_SET(fd, text.empty() ? &heard : &free);
            last = fd > last ? fd : last;
        }
        if (select(last + 1, &heard, &free, nullptr, nullptr) < 0)
            continue;
        serve(&heard, &free);
        if (!FD_ISSET(listener, &heard))
            continue;
        if (argc > 2)
            unsent[accept(listener, nullptr, nullptr)];
        else
            welcome(listener);
    }
    return 0;
}
