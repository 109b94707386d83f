// hungry_new.cc: a program in C++ that allocates, and says what it did not get.
//
//     hungry_new            by each operator new, and catches
//     hungry_new goes on    a loop that catches at the top
//     hungry_new callers    strings and vectors, for several functions
//     hungry_new handler    with a new_handler, which gives something back
//     hungry_new says       as it is destroyed, what it has to send
//     hungry_new ends       since nobody catches
//     hungry_new aborts     on purpose
//     hungry_new trusts     and crashes
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

static void say(const char *what)
{
    if (write(STDOUT_FILENO, what, strlen(what)) < 0)
        _exit(9);
}

struct Small {
    volatile long bytes[4];
};

struct alignas(256) Wide {
    char bytes[256];
};

template <typename Ask, typename Give>
static __attribute__((noinline)) void expect(const char *what, Ask ask,
                                             Give give)
{
    decltype(ask()) volatile block = nullptr;

    try {
        block = ask();
        if (!block) {
            say(what);
            say(": null\n");
        }
        give(block);
    } catch (const std::bad_alloc &) {
        say(what);
        say(": bad_alloc\n");
    }
}

static void ask()
{
    using std::nothrow;

    expect(
        "new", [] { return new Small; }, [](Small *p) { delete p; });
    expect(
        "new[]", [] { return new Small[3]; }, [](Small *p) { delete[] p; });
    expect(
        "nothrow new", [] { return new (nothrow) Small; },
        [](Small *p) { delete p; });
    expect(
        "nothrow new[]", [] { return new (nothrow) Small[3]; },
        [](Small *p) { delete[] p; });
    expect(
        "aligned new", [] { return new Wide; }, [](Wide *p) { delete p; });
    expect(
        "aligned new[]", [] { return new Wide[3]; },
        [](Wide *p) { delete[] p; });
    expect(
        "aligned nothrow new", [] { return new (nothrow) Wide; },
        [](Wide *p) { delete p; });
    expect(
        "aligned nothrow new[]", [] { return new (nothrow) Wide[3]; },
        [](Wide *p) { delete[] p; });
}

namespace shop
{

struct Buyer {
    __attribute__((noinline)) void buy(int n)
    {
        basket.push_back(std::string(40 + n, 'x'));
    }
    template <typename T> __attribute__((noinline)) T *pick(const T &like)
    {
        return new T(like);
    }
    std::vector<std::string> basket;
};

} // namespace shop

static __attribute__((noinline)) std::string greet(const char *whom)
{
    return std::string("hello, hello, hello, hello, ") + whom;
}

static __attribute__((noinline)) std::string part(const char *whom)
{
    return std::string("good bye, good bye, good bye, ") + whom;
}

static void call()
{
    shop::Buyer buyer;
    volatile size_t all = 0;

    all = all + greet("you").size();
    all = all + part("you").size();
    buyer.buy(1);
    delete buyer.pick(7);
}

static void go_on()
{
    int served = 0, failed = 0;
    char line[64];

    for (int i = 0; i < 20; i++) {
        try {
            shop::Buyer buyer;
            buyer.buy(i);
            served += greet("all of you").size() > 0;
        } catch (const std::exception &) {
            failed++;
        }
    }
    snprintf(line, sizeof line, "served %d, failed %d\n", served, failed);
    say(line);
}

static void *volatile spare = malloc(100);
static Small *volatile kept;

static void give_back()
{
    say("handler\n");
    free(spare);
    std::set_new_handler(nullptr);
}

static void ask_with_handler()
{
    std::set_new_handler(give_back);
    expect(
        "new", [] { return new Small; }, [](Small *p) { delete p; });
}

struct Farewell {
    int fd;
    ~Farewell()
    {
        send(fd, "bye", 3, 0);
    }
};

static void say_as_it_ends(const int *ends)
{
    char bytes[8] = "";

    try {
        Farewell farewell{ends[0]};
        kept = new Small;
        delete kept;
    } catch (const std::bad_alloc &) {
        say("caught\n");
    }
    if (recv(ends[1], bytes, sizeof bytes, 0) == 3)
        say(bytes);
}

static __attribute__((noinline)) void trust()
{
    Small *volatile block = new (std::nothrow) Small;

    block->bytes[1] = 1;
    delete block;
}

int main(int argc, char **argv)
{
    std::string way = argc > 1 ? argv[1] : "";
    int ends[2];

    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    if (way == "goes")
        go_on();
    else if (way == "callers")
        call();
    else if (way == "handler")
        ask_with_handler();
    else if (way == "says")
        say_as_it_ends(ends);
    else if (way == "ends")
        delete shop::Buyer().pick(3);
    else if (way == "aborts")
        abort();
    else if (way == "trusts")
        trust();
    else
        ask();
    say("done\n");
    return 0;
}
