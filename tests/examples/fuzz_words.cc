// fuzz_words.cc: code in C++ that is fed bytes: words, by what is between them.
#include "fuzzers/pieces.h"

#include <string>

struct Words {
    std::string word;

    bool feed(const char *bytes, size_t len)
    {
        for (size_t i = 0; i < len; i++)
            if (bytes[i] != ' ')
                word += bytes[i];
            else
                say();
#ifdef WORDS_PLANTED
        say();
#endif
        return true;
    }

    void say()
    {
        if (!word.empty()) {
            sf_saw('W', word.data(), word.size());
            sf_saw('.', nullptr, 0);
        }
        word.clear();
    }
};

static void *begin()
{
    return new Words;
}

static bool feed(void *words, const uint8_t *bytes, size_t len)
{
    return static_cast<Words *>(words)->feed(
        reinterpret_cast<const char *>(bytes), len);
}

static void end(void *words)
{
    delete static_cast<Words *>(words);
}

SF_FUZZ_PIECES(begin, feed, end)
