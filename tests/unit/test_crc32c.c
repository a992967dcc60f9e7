#include "share/crc32c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3720, B.4. */
static void known_checksums_come_out(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c_of("123456789", 9), 0xe3069283);
    assert_int_equal(crc32c_of(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c_of(bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(crc32c_of(bytes, 32), 0x46dd794e);
    assert_int_equal(crc32c_of(bytes, 0), 0);
}

static void the_table_and_the_processor_agree_in_any_pieces(void **state)
{
    (void)state;
    uint8_t bytes[200];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        uint32_t whole = crc32c_of(bytes, len);
        size_t half = len / 3;
        assert_int_equal(whole, crc32c_add_portable(0, bytes, len));
        assert_int_equal(whole,
                         crc32c_add(crc32c_of(bytes, half), bytes + half, len - half));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_checksums_come_out),
        cmocka_unit_test(the_table_and_the_processor_agree_in_any_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
