#include "text/unicode_rules.hpp"

#include <algorithm>
#include <iterator>

namespace ctclip {
namespace {

struct CharacterRange {
    char32_t first;
    char32_t last;
};

struct CharacterMapping {
    char32_t source;
    char32_t targets[3];  // 0 behind the last
};

#include "text/unicode_table.inc"

template <std::size_t size>
bool is_in(CharacterRange const (&ranges)[size], char32_t character) {
    auto const after =
        std::upper_bound(std::begin(ranges), std::end(ranges), character,
                         [](char32_t value, CharacterRange range) { return value < range.first; });
    return after != std::begin(ranges) && character <= std::prev(after)->last;
}

/// Hangul syllables are composed by formula (Unicode 3.12): leading consonant, vowel, optional trailing
/// consonant.
void append_jamo(std::u32string& text, char32_t syllable_index) {
    constexpr char32_t kNumVowels = 21;
    constexpr char32_t kNumTrailing = 28;
    text.push_back(0x1100 + syllable_index / (kNumVowels * kNumTrailing));
    text.push_back(0x1161 + syllable_index / kNumTrailing % kNumVowels);
    if (syllable_index % kNumTrailing != 0) {
        text.push_back(0x11A7 + syllable_index % kNumTrailing);
    }
}

}  // namespace

bool is_removed(char32_t character) {
    return is_in(kRemoved, character);
}
bool is_space(char32_t character) {
    return is_in(kSpace, character);
}
bool is_cjk(char32_t character) {
    return is_in(kCjk, character);
}
bool is_punctuation(char32_t character) {
    return is_in(kPunctuation, character);
}

void append_folded(std::u32string& text, char32_t character) {
    constexpr char32_t kFirstSyllable = 0xAC00;
    constexpr char32_t kLastSyllable = 0xD7A3;
    if (character >= kFirstSyllable && character <= kLastSyllable) {
        append_jamo(text, character - kFirstSyllable);
        return;
    }
    auto const found =
        std::lower_bound(std::begin(kMapping), std::end(kMapping), character,
                         [](CharacterMapping const& entry, char32_t value) { return entry.source < value; });
    if (found == std::end(kMapping) || found->source != character) {
        text.push_back(character);
        return;
    }
    for (char32_t const target : found->targets) {
        if (target != 0) {
            text.push_back(target);
        }
    }
}

}  // namespace ctclip
