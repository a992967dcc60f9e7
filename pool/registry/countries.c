#include "pool/registry/countries.h"

#include <stddef.h>
#include <string.h>

/* 249 codes as officially assigned; a row a first letter. */
static const char assigned[] =
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ "
    "BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ "
    "CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ "
    "DE DJ DK DM DO DZ "
    "EC EE EG EH ER ES ET "
    "FI FJ FK FM FO FR "
    "GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY "
    "HK HM HN HR HT HU "
    "ID IE IL IM IN IO IQ IR IS IT "
    "JE JM JO JP "
    "KE KG KH KI KM KN KP KR KW KY KZ "
    "LA LB LC LI LK LR LS LT LU LV LY "
    "MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ "
    "NA NC NE NF NG NI NL NO NP NR NU NZ "
    "OM "
    "PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
    "QA "
    "RE RO RS RU RW "
    "SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ "
    "TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ "
    "UA UG UM US UY UZ "
    "VA VC VE VG VI VN VU "
    "WF WS "
    "YE YT "
    "ZA ZM ZW ";

bool country_is_assigned(const char *code)
{
    if (strlen(code) != 2)
        return false;
    for (size_t i = 0; i + 2 < sizeof(assigned); i += 3)
        if (memcmp(assigned + i, code, 2) == 0)
            return true;
    return false;
}

bool country_is_region_code(const char *code)
{
    size_t len = strlen(code);
    if (len < 4 || len > 6 || code[2] != '-')
        return false;
    const char country[3] = {code[0], code[1], '\0'};
    return country_is_assigned(country) &&
           strspn(code + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == len - 3;
}
