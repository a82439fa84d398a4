#include "study/utf8.hpp"

#include <cstdint>

namespace ctclip {

namespace {

constexpr std::uint32_t kInvalid = 0xFFFFFFFF;

struct Sequence {
    std::size_t num_bytes;
    std::uint32_t min_code_point;  ///< below it the sequence is longer than it must be
};

Sequence sequence_of(unsigned char lead) {
    if (lead < 0x80) {
        return {1, 0};
    }
    if ((lead & 0xE0) == 0xC0) {
        return {2, 0x80};
    }
    if ((lead & 0xF0) == 0xE0) {
        return {3, 0x800};
    }
    if ((lead & 0xF8) == 0xF0) {
        return {4, 0x10000};
    }
    return {0, kInvalid};
}

/// Length of the valid sequence at the start of `text`; 0 if there is none.
std::size_t valid_length(std::string_view text) {
    auto const lead = static_cast<unsigned char>(text.front());
    Sequence const sequence = sequence_of(lead);
    if (sequence.num_bytes == 0 || sequence.num_bytes > text.size()) {
        return 0;
    }
    std::uint32_t code_point = sequence.num_bytes == 1 ? lead : lead & (0x7FU >> sequence.num_bytes);
    for (char const c : text.substr(1, sequence.num_bytes - 1)) {
        auto const byte = static_cast<unsigned char>(c);
        if ((byte & 0xC0) != 0x80) {
            return 0;
        }
        code_point = code_point << 6 | (byte & 0x3FU);
    }
    bool const is_surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    bool const is_valid = code_point >= sequence.min_code_point && code_point <= 0x10FFFF && !is_surrogate;
    return is_valid ? sequence.num_bytes : 0;
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view text) {
    for (std::size_t position = 0; position < text.size();) {
        std::size_t const length = valid_length(text.substr(position));
        if (length == 0) {
            return position;
        }
        position += length;
    }
    return std::nullopt;
}

}  // namespace ctclip
