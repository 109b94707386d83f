/* Names of C++, as both compilers make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "faultinject/explore/explore.h"

static const struct {
    const char *symbol;
    const char *name;
} names[] = {
    {"main", "main"},
    {"operator_of", "operator_of"},
    {"_Zbroken", "_Zbroken"},
    {"_ZN1a1BD2Ev", "a::B::~B"},
    {"_ZNKR1a1B4nameERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE",
     "a::B::name"},
    {"_ZN4shop5Buyer4pickIiEEPT_RKS2_", "shop::Buyer::pick"},
    {"_ZNV1a1B1fILi1EEESt6vectorIiSaIiEESt8functionIFviEE", "a::B::f"},
    {"_ZN1a1B9operators1gEv", "a::B::operators::g"},
    {"_ZZN1a1B9operators1gEvENKUliE_clEi",
     "a::B::operators::g::lambda::operator()"},
    {"_ZZNK1a1B1gEvENKUlvE_clEv", "a::B::g::lambda::operator()"},
    {"_ZN12_GLOBAL__N_11SclEi", "S::operator()"},
    {"_ZNK12_GLOBAL__N_11SltERKS0_", "S::operator<"},
    {"_ZN12_GLOBAL__N_11SptEv", "S::operator->"},
    {"_ZN12_GLOBAL__N_11ScvPiEv", "S::operator int*"},
    {"_ZN12_GLOBAL__N_11SnaEm", "S::operator new[]"},
    {"_ZN12_GLOBAL__N_14pickINS_1SEEEPT_S2_PFviE", "pick"},
    {"_ZN1a1gILi3EEEiPAplgtT_Li2ELi1E_c", "a::g"},
    {"_ZN1a1hILi3EEEiNS_1CIXgtT_Li2EEEE", "a::h"},
    {"_ZN1a1CIXgtLi3ELi2EEE1gEv", "a::C::g"},
    {"_Znwm", "operator new"},
    {"_ZN1a4nameB5cxx11Ev", "a::name"},
    {"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector::push_back"},
};

static void they_are_told_shortly(void **state)
{
    char text[SF_WHERE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_string_equal(sf_cxx_name(names[i].symbol, text, sizeof text),
                            names[i].name);
}

static void they_are_cut(void **state)
{
    char text[8];

    (void)state;
    assert_string_equal(
        sf_cxx_name("_ZN4shop5Buyer4pickIiEEPT_RKS2_", text, sizeof text),
        "shop::B");
    assert_string_equal(sf_cxx_name("a_long_name", text, sizeof text),
                        "a_long_");
}

static void the_library_is_known(void **state)
{
    (void)state;
    assert_true(sf_is_of_cxx_library("std::vector::push_back"));
    assert_true(sf_is_of_cxx_library("operator new[]"));
    assert_false(sf_is_of_cxx_library("studio::std::open"));
    assert_false(sf_is_of_cxx_library("operator_of"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_are_told_shortly),
        cmocka_unit_test(they_are_cut),
        cmocka_unit_test(the_library_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
