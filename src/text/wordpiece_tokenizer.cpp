#include "text/wordpiece_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/error.hpp"
#include "base/utf8.hpp"
#include "text/unicode_rules.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxWordLength = 100;  // code points; longer words are [UNK]
constexpr std::array<std::string_view, 5> kSpecialTokens{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct SpecialToken {
    std::size_t offset = std::string_view::npos;
    std::size_t num_bytes = 0;
    std::int32_t id = 0;
};

/// The first special token of the vocabulary in `text`; offset npos if there is none.
SpecialToken find_special_token(std::string_view text, Vocabulary const& vocabulary) {
    for (std::size_t offset = text.find('['); offset != std::string_view::npos;
         offset = text.find('[', offset + 1)) {
        for (std::string_view const token : kSpecialTokens) {
            if (!text.substr(offset).starts_with(token)) {
                continue;
            }
            if (std::optional<std::int32_t> const id = vocabulary.find(token)) {
                return {offset, token.size(), *id};
            }
        }
    }
    return {};
}

/// Step 2 of the algorithm: every character dropped, made a space, or folded; CJK characters set apart.
std::u32string normalise(std::string_view text) {
    std::u32string normalised;
    for (char32_t const character : decode_utf8_lossy(text)) {
        if (is_removed(character)) {
            continue;
        }
        if (is_space(character)) {
            normalised.push_back(U' ');
        } else if (is_cjk(character)) {
            normalised.push_back(U' ');
            append_folded(normalised, character);
            normalised.push_back(U' ');
        } else {
            append_folded(normalised, character);
        }
    }
    return normalised;
}

/// A word as UTF-8, and where each of its code points begins.
struct EncodedWord {
    std::string bytes;
    std::array<std::size_t, kMaxWordLength + 1> offsets{};

    std::string_view part(std::size_t begin, std::size_t end) const {
        return std::string_view(bytes).substr(offsets[begin], offsets[end] - offsets[begin]);
    }
};

EncodedWord encode_word(std::u32string_view word) {
    EncodedWord encoded;
    for (std::size_t index = 0; index < word.size(); ++index) {
        append_utf8(encoded.bytes, word[index]);
        encoded.offsets[index + 1] = encoded.bytes.size();
    }
    return encoded;
}

struct Piece {
    std::int32_t id;
    std::size_t end;  // code point behind it
};

std::optional<Piece> longest_piece(EncodedWord const& word, std::size_t begin, std::size_t length,
                                   Vocabulary const& vocabulary) {
    for (std::size_t end = length; end > begin; --end) {
        std::string_view const part = word.part(begin, end);
        if (part.size() > vocabulary.longest_entry_bytes()) {
            continue;
        }
        if (auto const id = begin == 0 ? vocabulary.find(part) : vocabulary.find_continuation(part)) {
            return Piece{*id, end};
        }
    }
    return std::nullopt;
}

}  // namespace

std::vector<std::u32string> split_into_words(std::string_view text) {
    std::vector<std::u32string> words;
    bool is_inside_word = false;
    for (char32_t const character : normalise(text)) {
        if (character == U' ') {
            is_inside_word = false;
        } else if (is_punctuation(character)) {
            words.emplace_back(1, character);
            is_inside_word = false;
        } else if (is_inside_word) {
            words.back().push_back(character);
        } else {
            words.emplace_back(1, character);
            is_inside_word = true;
        }
    }
    return words;
}

TokenSequence WordPieceTokenizer::encode(std::string_view text, std::size_t max_length) const {
    require(max_length >= 2, ExitCode::kBadConfig,
            "model.text_encoder.max_length is {} ([CLS] and [SEP] need 2)", max_length);
    TokenSequence sequence;
    sequence.ids.push_back(vocabulary_.start_id());
    for (;;) {
        SpecialToken const special = find_special_token(text, vocabulary_);
        append_stretch(text.substr(0, special.offset), sequence.ids);
        if (special.offset == std::string_view::npos) {
            break;
        }
        sequence.ids.push_back(special.id);
        text.remove_prefix(special.offset + special.num_bytes);
    }
    sequence.num_untruncated = sequence.ids.size() + 1;
    sequence.ids.resize(std::min(sequence.ids.size(), max_length - 1));
    sequence.ids.push_back(vocabulary_.separator_id());
    return sequence;
}

void WordPieceTokenizer::append_stretch(std::string_view text, std::vector<std::int32_t>& ids) const {
    for (std::u32string const& word : split_into_words(text)) {
        append_word(word, ids);
    }
}

/// Greedy longest match from the left; one position without a match makes the whole word [UNK].
void WordPieceTokenizer::append_word(std::u32string_view word, std::vector<std::int32_t>& ids) const {
    std::size_t const num_before = ids.size();
    EncodedWord const encoded = encode_word(word.substr(0, kMaxWordLength));
    for (std::size_t begin = 0; begin < word.size();) {
        std::optional<Piece> const piece = word.size() <= kMaxWordLength
                                               ? longest_piece(encoded, begin, word.size(), vocabulary_)
                                               : std::nullopt;
        if (!piece) {
            ids.resize(num_before);
            ids.push_back(vocabulary_.unknown_id());
            return;
        }
        ids.push_back(piece->id);
        begin = piece->end;
    }
}

}  // namespace ctclip
