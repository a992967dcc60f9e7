#include "pool/registry/contact.h"
#include "pool/registry/countries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef bool form_fn(const char *text);

static void expect(form_fn *is, bool expected, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (is(texts[i]) != expected)
            fail_msg("'%s' is %s", texts[i], expected ? "refused" : "taken");
}

#define expect_all(is, expected, ...)                                                  \
    do {                                                                               \
        static const char *const texts[] = {__VA_ARGS__};                              \
        expect(is, expected, texts, sizeof(texts) / sizeof(*texts));                   \
    } while (0)

static void telephone_numbers_are_e164(void **state)
{
    (void)state;
    expect_all(contact_is_phone, true, "+99312345678", "+77012345678", "+1234567",
               "+123456789012345");
    expect_all(contact_is_phone, false, "", "+", "99312345678", "+0123456789",
               "+123456", "+1234567890123456", "+993 12 345678", "+993-12-345678",
               "++9931234567", "+9931234567a");
}

static void mail_goes_to_one_place(void **state)
{
    (void)state;
    char longest[300];
    expect_all(contact_is_email, true, "a@b.tm", "miner.1+x@mail.example.com",
               "\xc3\xa7@\xc3\xa4.tm");
    expect_all(contact_is_email, false, "", "@", "a@", "@b.tm", "a@b", "a@@b.tm",
               "a@b@c.tm", "a b@c.tm", "a@b..tm", "a@.tm", "a@b.", "a@b.tm\n",
               "<a@b.tm>", "a@b.tm,c", "\"a\"@b.tm", "a\x7f@b.tm");
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + 249, "@b.tm", 6);
    assert_true(contact_is_email(longest));
    memcpy(longest + 249, "a@b.tm", 7);
    assert_false(contact_is_email(longest));
}

static void networks_are_exactly_what_they_say(void **state)
{
    (void)state;
    expect_all(contact_is_network, true, "192.0.2.0/24", "192.0.2.1", "192.0.2.1/32",
               "0.0.0.0/0", "10.128.0.0/9", "2001:db8::/32", "2001:db8::1", "::/0",
               "2001:db8::1/128", "2001:db8:8000::/33");
    expect_all(contact_is_network, false, "", "/", "192.0.2.0/", "192.0.2.0/33",
               "192.0.2.1/24", "10.64.0.0/9", "192.0.2/24", "192.0.2.0/-1",
               "192.0.2.0/2 4", "192.0.2.0/24/24", "2001:db8::/129", "2001:db8::1/32",
               "2001:db8:4000::/33", "example.com", "192.0.2.0/0024", "1.2.3.4.5");
}

static void regions_have_the_form_of_iso_3166_2(void **state)
{
    (void)state;
    expect_all(country_is_region_code, true, "TM-A", "TM-S", "KZ-71", "RU-MOW",
               "UZ-QR");
    expect_all(country_is_region_code, false, "", "TM", "TM-", "TM-ABCD", "tm-A",
               "TM-a", "ZZ-A", "TM_A", "TM-A ", "TM--A");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(telephone_numbers_are_e164),
        cmocka_unit_test(mail_goes_to_one_place),
        cmocka_unit_test(networks_are_exactly_what_they_say),
        cmocka_unit_test(regions_have_the_form_of_iso_3166_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
