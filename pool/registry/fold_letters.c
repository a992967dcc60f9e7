#include "pool/registry/fold_letters.h"

#include "pool/registry/utf8.h"

#include <stddef.h>
#include <string.h>

#define COUNT(list) (sizeof(list) / sizeof(*(list)))

struct row {
    const char *look, *sound;
    const char *small, *capital; /* all letters that are read so */
};

static const struct row rows[] = {
    /* Latin */
    {"a", "a", "aªàáâãäåāăąǎǟǡǻȁȃȧɑᴀᵃᶏḁẚạảấầẩẫậắằẳẵặₐⱥ",
     "AÀÁÂÃÄÅĀĂĄǍǞǠǺȀȂȦȺᴬḀẠẢẤẦẨẪẬẮẰẲẴẶÅ"},
    {"b", "b", "bƀƃɓʙᵇᵬᶀḃḅḇꞗ", "BƁƂɃᴮḂḄḆℬꞖ"},
    {"c", "c", "cçćĉċčƈȼɕᴄᶜḉⅽꞓꞔ",
     "CÇĆĈĊČƇȻḈℂℭⅭꞒꟄꟲ"},
    {"d", "d", "dðďđƌȡɖɗᴅᵈᵭᶁᶑḋḍḏḑḓⅆⅾꟈ",
     "DÐĎĐƉƊƋᴰḊḌḎḐḒⅅⅮꟇ"},
    {"e", "e", "eèéêëēĕėęěȅȇȩɇᴇᵉᶒḕḗḙḛḝẹẻẽếềểễệₑℯⅇⱸ", "EÈÉÊËĒĔĖĘĚȄȆȨɆᴱḔḖḘḚḜẸẺẼẾỀỂỄỆℰ"},
    {"f", "f", "fƒᵮᶂᶠḟꜰꞙ", "FƑḞℱꞘꟳ"},
    {"g", "g", "gĝğġģǥǧǵɠɡɢᵍᶃḡℊꞡ", "GĜĞĠĢƓǤǦǴᴳḠꞠ"},
    {"h", "h", "hĥħȟɦʜʰḣḥḧḩḫẖₕℎⱨꞕ", "HĤĦȞᴴḢḤḦḨḪℋℌℍⱧꞪ"},
    {"l", "i", "iìíîïĩīĭįıǐȉȋɨɩɪᵢᶖḭḯỉịⁱℹⅈⅰ", "IÌÍÎÏĨĪĬĮİƗǏȈȊᴵḬḮỈỊℐℑⅠ"},
    {"j", "j", "jĵǰɉʝʲᴊⅉⱼ", "JĴɈᴶꞲ"},
    {"k", "k", "kķƙǩᴋᵏᶄḱḳḵₖⱪꝁꝃꝅꞣ", "KĶƘǨᴷḰḲḴKⱩꝀꝂꝄꞢ"},
    {"l", "l", "lĺļľŀłƚȴɫɬɭʟˡᶅḷḹḻḽₗℓⅼⱡꝉꞎ",
     "LĹĻĽĿŁȽᴸḶḸḺḼℒⅬⱠⱢꝈꞭ"},
    {"m", "m", "mɱᴍᵐᵯᶆḿṁṃₘⅿ", "MᴹḾṀṂℳⅯⱮ"},
    {"n", "n", "nñńņňŋƞǹȵɲɳɴᵰᶇṅṇṉṋⁿₙꞑꞥ", "NÑŃŅŇŊƝǸȠᴺṄṆṈṊℕꞐꞤ"},
    {"o", "o", "oºòóôõöøōŏőơǒǫǭǿȍȏȫȭȯȱᴏᵒṍṏṑṓọỏốồổỗộớờởỡợₒℴⱺꝋꝍ",
     "OÒÓÔÕÖØŌŎŐƟƠǑǪǬǾȌȎȪȬȮȰᴼṌṎṐṒỌỎỐỒỔỖỘỚỜỞỠỢꝊꝌ"},
    {"p", "p", "pƥᴘᵖᵱᵽᶈṕṗₚꝑꝓꝕ", "PƤᴾṔṖℙⱣꝐꝒꝔ"},
    {"q", "q", "qɋʠꝗꝙ𐞥", "QℚꝖꝘꟴ"},
    {"r", "r", "rŕŗřȑȓɍɼɽɾʀʳᵣᵲᵳᶉṙṛṝṟꞧ", "RŔŖŘȐȒɌᴿṘṚṜṞℛℜℝⱤꞦ"},
    {"s", "s", "sśŝşšſșȿʂˢᵴᶊṡṣṥṧṩẛₛꜱꞩꟊ",
     "SŚŜŞŠȘṠṢṤṦṨⱾꞨꟅꟉ"},
    {"t", "t", "tţťŧƫƭțȶʈᴛᵗᵵṫṭṯṱẗₜⱦ", "TŢŤŦƬƮȚȾᵀṪṬṮṰ"},
    {"u", "u",
     "uùúûüũūŭůűųưǔǖǘǚǜȕȗᴜᵘᵤᶙṳṵṷṹṻụủứừửữự"
     "ꞹ",
     "UÙÚÛÜŨŪŬŮŰŲƯǓǕǗǙǛȔȖᵁṲṴṶṸṺỤỦỨỪỬỮỰꞸ"},
    {"v", "v", "vʋᴠᵛᵥᶌṽṿⅴⱱⱴꝟ", "VƲṼṾⅤⱽꝞ"},
    {"w", "v", "wŵʷᴡẁẃẅẇẉẘⱳ", "WŴᵂẀẂẄẆẈⱲ"},
    {"x", "x", "xˣᶍẋẍₓⅹ", "XẊẌⅩ"},
    {"y", "i", "yýÿŷƴȳɏʏʸẏẙỳỵỷỹỿ", "YÝŶŸƳȲɎẎỲỴỶỸỾ"},
    {"z", "z", "zźżžƶȥɀʐʑᴢᵶᶎᶻẑẓẕⱬ", "ZŹŻŽƵȤẐẒẔℤℨⱫⱿꟆ"},
    /* Latin, two letters in one, and the schwa */
    {"ae", "ae", "æǣǽ", "ÆǢǼ"},
    {"oe", "oe", "œ", "Œ"},
    {"ss", "ss", "ß", "ẞ"},
    {"p", "th", "þ", "Þ"},
    {"lj", "ij", "ĳ", "Ĳ"},
    {"dz", "dz", "ǆǳ", "ǄǅǱǲ"},
    {"lj", "lj", "ǉ", "Ǉǈ"},
    {"nj", "nj", "ǌ", "Ǌǋ"},
    {"e", "a", "ə", "Ə"},
    /* Cyrillic */
    {"a", "a", "аӑӓ", "АӐӒ"},
    {"b", "b", "б", "Б"},
    {"b", "v", "в", "В"},
    {"r", "g", "гѓґғҕӷӻ", "ГЃҐҒҔӶӺ"},
    {"d", "d", "д", "Д"},
    {"e", "e", "еѐёӗ", "ЕЀЁӖ"},
    {"zh", "zh", "жҗӂӝ", "ЖҖӁӜ"},
    {"e", "z", "зҙӟԑ", "ЗҘӞԐ"},
    {"u", "i", "ийѝҋӣӥ", "ИЍЙҊӢӤ"},
    {"k", "k", "кќқҝҟҡӄ", "КЌҚҜҞҠӃ"},
    {"l", "l", "лӆԓԡԯ", "ЛӅԒԠԮ"},
    {"m", "m", "мӎ", "МӍ"},
    {"h", "n", "нңӈӊԣԩ", "НҢӇӉԢԨ"},
    {"o", "o", "оӧ", "ОӦ"},
    {"n", "p", "пҧԥ", "ПҦԤ"},
    {"p", "r", "рҏ", "РҎ"},
    {"c", "s", "сҫ", "СҪ"},
    {"t", "t", "тҭ", "ТҬ"},
    {"y", "u", "уўӯӱӳ", "УЎӮӰӲ"},
    {"f", "f", "ф", "Ф"},
    {"x", "h", "хҳӽӿ", "ХҲӼӾ"},
    {"ts", "ts", "ц", "Ц"},
    {"ch", "ch", "чҷҹҽҿӌӵ", "ЧҶҸҼҾӋӴ"},
    {"w", "sh", "ш", "Ш"},
    {"w", "shch", "щ", "Щ"},
    {"b", "", "ъ", "Ъ"},
    {"bl", "i", "ыӹ", "ЫӸ"},
    {"b", "", "ь", "Ь"},
    {"e", "e", "эӭ", "ЭӬ"},
    {"lo", "iu", "ю", "Ю"},
    {"r", "ia", "я", "Я"},
    {"e", "e", "є", "Є"},
    {"s", "s", "ѕ", "Ѕ"},
    {"l", "i", "ії", "ІЇ"},
    {"j", "j", "ј", "Ј"},
    {"lj", "lj", "љ", "Љ"},
    {"nj", "nj", "њ", "Њ"},
    {"h", "dj", "ђ", "Ђ"},
    {"h", "c", "ћ", "Ћ"},
    {"u", "dj", "џ", "Џ"},
    {"e", "a", "әӛ", "ӘӚ"},
    {"o", "o", "өӫ", "ӨӪ"},
    {"y", "u", "үұ", "ҮҰ"},
    {"h", "h", "һԧ", "ҺԦ"},
    {"l", "l", "ӏ", "Ӏ"},
    {"d", "d", "ԁ", "Ԁ"},
    {"q", "k", "ԛ", "Ԛ"},
    {"w", "v", "ԝ", "Ԝ"},
    {"3", "dz", "ӡ", "Ӡ"},
    /* Greek */
    {"a", "a", "αά", "ΑΆ"},
    {"b", "v", "β", "Β"},
    {"e", "e", "εέ", "ΕΈ"},
    {"z", "z", "ζ", "Ζ"},
    {"n", "i", "ηή", ""},
    {"h", "i", "", "ΗΉ"},
    {"o", "th", "θ", "Θ"},
    {"l", "i", "ιίϊΐ", "ΙΊΪ"},
    {"k", "k", "κ", "Κ"},
    {"m", "m", "", "Μ"},
    {"u", "m", "μ", ""},
    {"v", "n", "ν", ""},
    {"n", "n", "", "Ν"},
    {"o", "o", "οό", "ΟΌ"},
    {"p", "r", "ρ", "Ρ"},
    {"t", "t", "τ", "Τ"},
    {"u", "i", "υύϋΰ", ""},
    {"y", "i", "", "ΥΎΫ"},
    {"x", "h", "χ", "Χ"},
    {"w", "o", "ωώ", "ΩΏ"},
    {"c", "s", "ς", ""},
    {"o", "s", "σ", ""},
    {"g", "g", "γ", "Γ"},
    {"d", "d", "δ", "Δ"},
    {"l", "l", "λ", "Λ"},
    {"p", "p", "π", "Π"},
    {"s", "s", "", "Σ"},
    {"f", "f", "φ", "Φ"},
};

/* What stands in for a letter, where digits are written for letters. */
static const struct row digits[10] = {
    {"o", "o"}, {"l", "i"}, {"2", "2"}, {"e", "z"}, {"a", "ch"},
    {"s", "s"}, {"b", "b"}, {"t", "t"}, {"b", "v"}, {"9", "9"},
};

struct range {
    uint32_t first, last;
};

static bool is_in(const struct range *ranges, size_t count, uint32_t c)
{
    for (size_t i = 0; i < count; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return true;
    return false;
}

/* Combining marks, of Arabic script too, and variation selectors. */
static const struct range marks[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489}, {0x064b, 0x065f},
    {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef},
};

static const struct range blanks[] = {
    {0x00, 0x20},     {0x7f, 0xa0},     {0x1680, 0x1680}, {0x2000, 0x200a},
    {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

/* Punctuation, symbols, letters that are apostrophes, and everything invisible: soft
 * hyphens, zero-width characters, changes of direction, fillers, tags. */
static const struct range signs[] = {
    {0x21, 0x7e},       {0xa1, 0xbf},       {0xd7, 0xd7},       {0xf7, 0xf7},
    {0x02b9, 0x02df},   {0x034f, 0x034f},   {0x055a, 0x055f},   {0x0589, 0x058a},
    {0x060c, 0x061f},   {0x0640, 0x0640},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
    {0x180b, 0x180e},   {0x200b, 0x206f},   {0x2100, 0x2bff},   {0x2e00, 0x2e7f},
    {0x3001, 0x303f},   {0x3164, 0x3164},   {0xfe10, 0xfe6f},   {0xfeff, 0xff0f},
    {0xff1a, 0xff20},   {0xff3b, 0xff40},   {0xff5b, 0xff65},   {0xffa0, 0xffa0},
    {0xfff0, 0xffff},   {0x1d000, 0x1d3ff}, {0x1d800, 0x1daaf}, {0x1f000, 0x1faff},
    {0xe0000, 0xe0fff},
};

/* Alphabets of 26 in a row, capitals first where there are both. */
static const struct alphabet {
    uint32_t first, last;
    bool is_upper; /* where it has capitals alone */
} alphabets[] = {
    {0xff21, 0xff3a, true},   {0xff41, 0xff5a, false},  {0x249c, 0x24b5, false},
    {0x24b6, 0x24cf, true},   {0x24d0, 0x24e9, false},  {0x1f110, 0x1f129, true},
    {0x1f130, 0x1f149, true}, {0x1f150, 0x1f169, true}, {0x1f170, 0x1f189, true},
    {0x1f1e6, 0x1f1ff, true},
};
#define MATH_FIRST       0x1d400
#define MATH_LAST        0x1d6a3
#define MATH_DIGIT_FIRST 0x1d7ce
#define MATH_DIGIT_LAST  0x1d7ff
#define WIDE_DIGIT_FIRST 0xff10
#define WIDE_DIGIT_LAST  0xff19

/* The ASCII letter or digit that `c` is a typeface's form of; else `c`. */
static uint32_t plain(uint32_t c)
{
    for (size_t i = 0; i < COUNT(alphabets); i++) {
        const struct alphabet *a = &alphabets[i];
        if (c >= a->first && c <= a->last)
            return (a->is_upper ? 'A' : 'a') + (c - a->first);
    }
    if (c >= MATH_FIRST && c <= MATH_LAST) {
        uint32_t n = (c - MATH_FIRST) % 52;
        return n < 26 ? 'A' + n : 'a' + n - 26;
    }
    if (c >= MATH_DIGIT_FIRST && c <= MATH_DIGIT_LAST)
        return '0' + (c - MATH_DIGIT_FIRST) % 10;
    if (c >= WIDE_DIGIT_FIRST && c <= WIDE_DIGIT_LAST)
        return '0' + (c - WIDE_DIGIT_FIRST);
    return c;
}

static bool has_letter(const char *letters, uint32_t c)
{
    char text[UTF8_SIZE];
    utf8_write(text, c);
    return strstr(letters, text) != NULL;
}

static bool find_row(struct fold_letter *out, uint32_t c)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        bool is_upper = has_letter(rows[i].capital, c);
        if (is_upper || has_letter(rows[i].small, c)) {
            *out = (struct fold_letter){rows[i].look, rows[i].sound, is_upper, false};
            return true;
        }
    }
    return false;
}

enum fold_class fold_letter_read(struct fold_letter *out, uint32_t code_point)
{
    uint32_t c = plain(code_point);
    if (is_in(marks, COUNT(marks), c))
        return FOLD_CLASS_MARK;
    if (is_in(blanks, COUNT(blanks), c))
        return FOLD_CLASS_BLANK;
    if (c >= '0' && c <= '9') {
        const struct row *digit = &digits[c - '0'];
        *out = (struct fold_letter){digit->look, digit->sound, false, true};
        return FOLD_CLASS_LETTER;
    }
    if (find_row(out, c))
        return FOLD_CLASS_LETTER;
    if (is_in(signs, COUNT(signs), c))
        return FOLD_CLASS_SIGN;
    *out = (struct fold_letter){NULL, NULL, false, false};
    return FOLD_CLASS_LETTER;
}
