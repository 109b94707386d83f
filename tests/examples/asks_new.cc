// asks_new.cc: the part of fuzz_allocates.c that is C++.
#include <new>

extern "C" void asks_new(void);

static int *volatile kept;

void asks_new(void)
{
    try {
        kept = new int(1);
        delete kept;
    } catch (const std::bad_alloc &) {
    }
}
