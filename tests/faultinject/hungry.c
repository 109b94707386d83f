/*
 * hungry.c: a program that allocates, and says what it did not get.
 *
 *     hungry            in each way to ask, and checks each
 *     hungry trusts     but for the last one
 *     hungry loops      many times at one place, which has a way or two
 *     hungry threads    in several threads at once, in any order
 *     hungry forks      in a child, too
 *     hungry names      libc makes a socket, to look up a name
 *     hungry libc       by functions of libc's, called at one place
 *     hungry places     at more places than are counted
 *     hungry dies       by a crash, or on purpose
 *     hungry less       for less than it has, and for nothing
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wchar.h>

static const char *way = "";

static bool is(const char *what)
{
    return strcmp(way, what) == 0;
}

/* Without asking for more. */
static void say(const char *what)
{
    if (write(STDOUT_FILENO, what, strlen(what)) < 0)
        _exit(9);
}

static void expect(const char *what, const void *block)
{
    if (block)
        return;
    say(what);
    say(errno == ENOMEM ? ": none\n" : ": none, with another errno\n");
}

/* No compiler knows what it is for. */
static __attribute__((noinline)) void *grab(void)
{
    void *volatile block = malloc(10);

    return block;
}

static void ask(void)
{
    char *block = malloc(1), *more, *text;
    void *aligned = NULL;
    int before;

    expect("malloc", block);
    expect("calloc", more = calloc(2, 3));
    free(more);
    more = realloc(block, 1000);
    expect("realloc", more);
    free(more ? more : block);
    expect("aligned_alloc", more = aligned_alloc(64, 64));
    free(more);
    before = errno = 77;
    if (posix_memalign(&aligned, 64, 64) == ENOMEM)
        say("posix_memalign: none\n");
    free(aligned);
    free(grab());
    if (errno != before && errno != ENOMEM)
        say("errno is another\n");
    text = strdup("text");
    if (!is("trusts"))
        expect("strdup", text);
    if (is("trusts") || text)
        text[0] = 'T';
    free(text);
}

static __attribute__((noinline)) void *last(void)
{
    void *block = grab();

    say("");
    return block;
}

static void loop(void)
{
    for (int i = 0; i < 100; i++) {
        expect("grab", i == 50 ? last() : grab());
    }
}

static void *ask_often(void *arg)
{
    for (int i = 0; i < 500; i++)
        free(grab());
    return arg;
}

static void ask_at_once(void)
{
    pthread_t threads[4];
    int n = 0;

    for (int i = 0; i < 4; i++)
        n += pthread_create(&threads[n], NULL, ask_often, NULL) == 0;
    while (n > 0)
        pthread_join(threads[--n], NULL);
}

static void ask_in_a_child(void)
{
    int ends[2];

    if (fork() == 0) {
        socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
        expect("child", grab());
        _exit(0);
    }
    wait(NULL);
    expect("parent", grab());
}

/* Each allocates where the other does not. */
static __attribute__((noinline)) void ask_libc(void)
{
    typedef void *copier(const void *);
    static copier *volatile const copies[] = {(copier *)strdup,
                                              (copier *)wcsdup};

    for (volatile int i = 0; i < 2; i++) {
        void *copy = copies[i](L"x");

        expect(i ? "wcsdup" : "strdup", copy);
        free(copy);
    }
}

static void ask_or_die(void)
{
    char *volatile block = grab();

    if (!block)
        abort();
    block = grab();
    *block = 'x';
}

static void ask_for_less(void)
{
    void *volatile block = malloc(1000);

    block = realloc(block, 10);
    expect("less", block);
    errno = 0;
    block = realloc(block, 0);
    if (errno)
        say("errno is another\n");
}

/* 8192 of them. */
static __attribute__((noinline)) void ask_all_over(void)
{
    void *volatile block;

#define HERE    free(block = malloc(1));
#define FOUR(x) x x x x
    FOUR(FOUR(FOUR(FOUR(FOUR(FOUR(HERE HERE))))))
}

int main(int argc, char **argv)
{
    int ends[2];
    char byte;

    if (argc > 1)
        way = argv[1];
    free(grab()); /* it has no socket yet */
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    if (is("loops"))
        loop();
    else if (is("threads"))
        ask_at_once();
    else if (is("names"))
        getpwnam("nobody");
    else if (is("less"))
        ask_for_less();
    else if (is("dies"))
        ask_or_die();
    else if (is("places"))
        ask_all_over();
    else if (is("libc"))
        ask_libc();
    else if (is("forks"))
        ask_in_a_child();
    else
        ask();
    if (write(ends[0], "x", 1) != 1 || read(ends[1], &byte, 1) != 1)
        return 1;
    say("done\n");
    return 0;
}
