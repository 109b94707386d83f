// own_new.cc: an allocator with operators of its own, which ask nobody, as
// those of jemalloc and tcmalloc.
#include <cstdint>
#include <cstdlib>
#include <new>

alignas(256) static char heap[1 << 20];
static std::size_t used;

static void *take(std::size_t size, std::size_t align)
{
    std::size_t at = (used + align - 1) & ~(align - 1);

    if (size > sizeof heap - at)
        return nullptr;
    used = at + size;
    return heap + at;
}

static void *insist(std::size_t size, std::size_t align)
{
    void *block = take(size, align);

    if (!block)
        throw std::bad_alloc();
    return block;
}

using std::align_val_t;
using std::nothrow_t;
using std::size_t;

void *operator new(size_t size)
{
    return insist(size, 16);
}
void *operator new[](size_t size)
{
    return insist(size, 16);
}
void *operator new(size_t size, align_val_t align)
{
    return insist(size, size_t(align));
}
void *operator new[](size_t size, align_val_t align)
{
    return insist(size, size_t(align));
}
void *operator new(size_t size, const nothrow_t &) noexcept
{
    return take(size, 16);
}
void *operator new[](size_t size, const nothrow_t &) noexcept
{
    return take(size, 16);
}
void *operator new(size_t size, align_val_t align, const nothrow_t &) noexcept
{
    return take(size, size_t(align));
}
void *operator new[](size_t size, align_val_t align, const nothrow_t &) noexcept
{
    return take(size, size_t(align));
}
void operator delete(void *block) noexcept
{
    (void)block;
}
void operator delete[](void *block) noexcept
{
    (void)block;
}
void operator delete(void *block, size_t) noexcept
{
    (void)block;
}
void operator delete[](void *block, size_t) noexcept
{
    (void)block;
}
void operator delete(void *block, align_val_t) noexcept
{
    (void)block;
}
void operator delete[](void *block, align_val_t) noexcept
{
    (void)block;
}
void operator delete(void *block, size_t, align_val_t) noexcept
{
    (void)block;
}
void operator delete[](void *block, size_t, align_val_t) noexcept
{
    (void)block;
}
