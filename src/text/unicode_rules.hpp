/// The character rules of the reference tokenizer, measured over all code points (tests/data/text): a table
/// of mixed Unicode ages that no Unicode library gives.
#pragma once

#include <string>

namespace ctclip {

bool is_removed(char32_t character);  ///< control, format, private use, combining marks (Mn) ...
bool is_space(char32_t character);
bool is_cjk(char32_t character);          ///< a word of its own
bool is_punctuation(char32_t character);  ///< a word of its own

/// Appends what a character becomes: decomposed, accents stripped, lower-cased; itself if nothing applies.
void append_folded(std::u32string& text, char32_t character);

}  // namespace ctclip
