/// BERT's uncased WordPiece tokenizer, equal to the reference on every text (tests/data/text).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/vocabulary.hpp"

namespace ctclip {

/// [CLS] pieces [SEP], truncated, not padded.
struct TokenSequence {
    std::vector<std::int32_t> ids;
    std::size_t num_untruncated = 0;  ///< how many ids there were before truncation
};

/// All methods are const and thread-safe.
class WordPieceTokenizer {
  public:
    explicit WordPieceTokenizer(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

    Vocabulary const& vocabulary() const noexcept { return vocabulary_; }

    /// Ill-formed UTF-8 is read as Python's errors="replace" would. The special tokens [PAD] [UNK] [CLS]
    /// [SEP] [MASK] inside `text` become their ids, as in the reference: a report can contain them.
    /// @param max_length  including [CLS] and [SEP]; at least 2.
    TokenSequence encode(std::string_view text, std::size_t max_length) const;

  private:
    void append_stretch(std::string_view text, std::vector<std::int32_t>& ids) const;
    void append_word(std::u32string_view word, std::vector<std::int32_t>& ids) const;

    Vocabulary vocabulary_;
};

/// What the reference's normaliser and pre-tokenizer make of a text without special tokens: folded words.
std::vector<std::u32string> split_into_words(std::string_view text);

}  // namespace ctclip
