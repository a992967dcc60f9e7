#include "pool/watch_words.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* clang-format off: a word a row, in the order of the languages. */
static const char *const words[WATCH_WORDS][WATCH_LANGUAGES] = {
    [WATCH_TITLE] = {"Maýneriň görkezijileri", "Показатели майнера", "Miner's figures"},
    [WATCH_MINER] = {"Maýner", "Майнер", "Miner"},
    [WATCH_CERTIFICATE] = {"Şahadatnamanyň belgisi", "№ свидетельства",
                           "Certificate no."},
    [WATCH_POOL] = {"Maýning puly", "Майнинг-пул", "Mining pool"},
    [WATCH_STATE] = {"Ýagdaýy", "Состояние", "State"},
    [WATCH_REGISTERING] = {"bellige alynýar", "регистрируется", "being registered"},
    [WATCH_ACTIVE] = {"işjeň", "действует", "active"},
    [WATCH_ATTENTION] = {"işjeň, maglumat gerek", "действует, нужны сведения",
                         "active, information is due"},
    [WATCH_PAUSED] = {"togtadyldy", "приостановлен", "paused"},
    [WATCH_ENDED] = {"tamamlandy", "завершён", "ended"},
    [WATCH_HASHRATE] = {"Heşreýt", "Хешрейт", "Hash rate"},
    [WATCH_1M] = {"1 min", "1 мин", "1 min"},
    [WATCH_10M] = {"10 min", "10 мин", "10 min"},
    [WATCH_1H] = {"1 sag", "1 ч", "1 h"},
    [WATCH_24H] = {"24 sag", "24 ч", "24 h"},
    [WATCH_SHARES] = {"Çözüwler (shares)", "Решения (shares)", "Shares"},
    [WATCH_ACCEPTED] = {"Kabul edilen", "Принято", "Accepted"},
    [WATCH_REFUSED] = {"Ret edilen", "Отклонено", "Refused"},
    [WATCH_WORK] = {"Iş birlikleri", "Единицы работы", "Work units"},
    [WATCH_LAST_SHARE] = {"Soňky çözüw", "Последнее решение", "Last share"},
    [WATCH_NEVER] = {"ýok", "не было", "never"},
    [WATCH_BALANCE] = {"Galyndy, BTC", "Остаток, BTC", "Balance, BTC"},
    [WATCH_IMMATURE] = {"Bişmedik", "Незрелый", "Immature"},
    [WATCH_MATURE] = {"Tölemäge taýýar", "К выплате", "Ready to be paid"},
    [WATCH_HELD] = {"Saklanýan", "Удержано", "On hold"},
    [WATCH_RESERVED] = {"Tölenýär", "Выплачивается", "Being paid"},
    [WATCH_RECEIVABLE] = {"Pula bergi", "Долг пулу", "Owed to the pool"},
    [WATCH_TOTAL] = {"Jemi", "Итого", "Total"},
    [WATCH_PERIOD] = {"Soňky 31 gün, BTC", "За 31 день, BTC", "Last 31 days, BTC"},
    [WATCH_CREDITED] = {"Hasaplanan", "Начислено", "Credited"},
    [WATCH_PAID] = {"Tölenen", "Выплачено", "Paid"},
    [WATCH_REVERSED] = {"Yzyna alnan", "Сторнировано", "Reversed"},
    [WATCH_ADJUSTED] = {"Düzedilen", "Исправлено", "Adjusted"},
    [WATCH_WORKERS] = {"Enjamlar", "Устройства", "Rigs"},
    [WATCH_NAME] = {"Ady", "Имя", "Name"},
    [WATCH_SOFTWARE] = {"Programmasy", "Программа", "Software"},
    [WATCH_CONNECTED] = {"Birikme", "Подключений", "Connected"},
    [WATCH_NO_WORKERS] = {"Entek enjam ýok.", "Устройств пока нет.", "No rigs yet."},
    [WATCH_AND_MORE] = {"enjam görkezilmeýär", "устройств не показано",
                        "more rigs are not shown"},
    [WATCH_CREDITS] = {"Hasaplamalar", "Начисления", "Credits"},
    [WATCH_TIME] = {"Wagty", "Время", "Time"},
    [WATCH_KIND] = {"Görnüşi", "Вид", "Kind"},
    [WATCH_CREDIT] = {"hasaplama", "начисление", "credit"},
    [WATCH_REVERSAL] = {"yzyna alyş", "сторно", "reversal"},
    [WATCH_ADJUSTMENT] = {"düzediş", "исправление", "adjustment"},
    [WATCH_AMOUNT] = {"Möçberi, BTC", "Сумма, BTC", "Amount, BTC"},
    [WATCH_BLOCK] = {"Blok", "Блок", "Block"},
    [WATCH_NO_CREDITS] = {"Bu döwürde hasaplama ýok.", "За этот период начислений нет.",
                          "No credits in this period."},
    [WATCH_PAYMENTS] = {"Tölegler", "Выплаты", "Payments"},
    [WATCH_TRANSACTION] = {"Tranzaksiýa ýa-da blok", "Транзакция или блок",
                           "Transaction or block"},
    [WATCH_OUTPUT] = {"Çykyş", "Выход", "Output"},
    [WATCH_NO_PAYMENTS] = {"Bu döwürde töleg ýok.", "За этот период выплат нет.",
                           "No payments in this period."},
    [WATCH_MADE_AT] = {"Maglumatyň wagty", "Данные на", "As of"},
    [WATCH_UNTIL] = {"Salgynyň möhleti", "Ссылка действует до", "This link ends"},
    [WATCH_ALL_TIMES] = {"Wagt guşaklygy", "Часовой пояс", "Time zone"},
    [WATCH_NOTE] =
        {"Maýning puly tarapyndan öz ýazgylary esasynda düzüldi; ygtyýarly "
         "edaranyň resminamasy däl.",
         "Составлено майнинг-пулом по его собственным записям; не является "
         "документом уполномоченного органа.",
         "Made by a mining pool from its own records; it is no document of the "
         "authority."},
    [WATCH_NOT_FOUND] = {"Bu salgy işlemeýär", "Ссылка не действует",
                         "This link does not work"},
    [WATCH_NOT_FOUND_WHY] = {"Möhleti geçen, yzyna alnan ýa-da nädogry ýazylan bolup "
                             "biler. Täzesini puluň operatoryndan soraň.",
                             "Она могла истечь, быть отозвана или введена с ошибкой. "
                             "Новую даст оператор пула.",
                             "It may have ended, been revoked, or been mistyped. The "
                             "pool's operator can give you a new one."},
    [WATCH_BUSY] = {"Maglumat häzir elýeterli däl", "Данные сейчас недоступны",
                    "The figures cannot be had just now"},
    [WATCH_BUSY_WHY] = {"Bir minutdan gaýtadan synanyşyň.", "Попробуйте через минуту.",
                        "Try again in a minute."},
};
/* clang-format on */

static const struct {
    const char *code, *name;
} languages[WATCH_LANGUAGES] = {
    [WATCH_TK] = {"tk", "Türkmençe"},
    [WATCH_RU] = {"ru", "Русский"},
    [WATCH_EN] = {"en", "English"},
};

const char *watch_word(enum watch_language language, enum watch_word word)
{
    return words[word][language];
}

const char *watch_language_code(enum watch_language language)
{
    return languages[language].code;
}

const char *watch_language_name(enum watch_language language)
{
    return languages[language].name;
}

bool watch_language_parse(enum watch_language *out, const char *code)
{
    for (int i = 0; i < WATCH_LANGUAGES; i++) {
        if (strcasecmp(code, languages[i].code) != 0)
            continue;
        *out = (enum watch_language)i;
        return true;
    }
    return false;
}

/* --- Accept-Language -------------------------------------------------------------------- */

/* "ru" of "ru-RU;q=0.8"; the length. */
static size_t primary_len(const char *range)
{
    return strcspn(range, "-;, \t");
}

/* Thousandths; 1000 where no q is said. 0: not wanted, or malformed. */
static unsigned quality_of(const char *range, size_t len)
{
    const char *q = memmem(range, len, "q=", 2);
    unsigned milli = 0, unit = 100;
    if (q == NULL)
        return 1000;
    if (q[2] == '1')
        return 1000;
    if (q[2] != '0' || q[3] != '.')
        return 0;
    for (q += 4; q < range + len && *q >= '0' && *q <= '9' && unit > 0; q++) {
        milli += unit * (unsigned)(*q - '0');
        unit /= 10;
    }
    return milli;
}

enum watch_language watch_language_prefer(const char *accept,
                                          enum watch_language otherwise)
{
    enum watch_language best = otherwise;
    unsigned best_quality = 0;
    for (const char *p = accept; *p != '\0';) {
        p += strspn(p, " \t,");
        size_t len = strcspn(p, ","), primary = primary_len(p);
        unsigned quality = quality_of(p, len);
        for (int i = 0; i < WATCH_LANGUAGES; i++) {
            if (quality <= best_quality || primary != strlen(languages[i].code) ||
                strncasecmp(p, languages[i].code, primary) != 0)
                continue;
            best = (enum watch_language)i;
            best_quality = quality;
        }
        p += len;
    }
    return best;
}
