#include "base/utf8.hpp"

#include <cstdint>

namespace ctclip {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

struct Sequence {
    char32_t character = kReplacement;
    std::size_t num_bytes = 1;  // consumed, also by an ill-formed part
    bool is_valid = false;
};

/// What a lead byte announces. The second byte's range excludes overlong forms, surrogates and values too
/// large.
struct Lead {
    std::size_t num_bytes = 0;  // 0: not a lead byte
    std::uint8_t second_low = 0x80;
    std::uint8_t second_high = 0xBF;
};

Lead lead_of(std::uint8_t byte) {
    if (byte >= 0xC2 && byte <= 0xDF) {
        return {2};
    }
    if (byte >= 0xE0 && byte <= 0xEF) {
        return {3, static_cast<std::uint8_t>(byte == 0xE0 ? 0xA0 : 0x80),
                static_cast<std::uint8_t>(byte == 0xED ? 0x9F : 0xBF)};
    }
    if (byte >= 0xF0 && byte <= 0xF4) {
        return {4, static_cast<std::uint8_t>(byte == 0xF0 ? 0x90 : 0x80),
                static_cast<std::uint8_t>(byte == 0xF4 ? 0x8F : 0xBF)};
    }
    return {};
}

/// @param rest  not empty.
Sequence next_sequence(std::string_view rest) {
    auto const byte_at = [&](std::size_t index) { return static_cast<std::uint8_t>(rest[index]); };
    if (byte_at(0) < 0x80) {
        return {byte_at(0), 1, true};
    }
    Lead const lead = lead_of(byte_at(0));
    if (lead.num_bytes == 0) {
        return {};
    }
    auto character = static_cast<char32_t>(byte_at(0) & (0x7F >> lead.num_bytes));
    for (std::size_t index = 1; index < lead.num_bytes; ++index) {
        std::uint8_t const low = index == 1 ? lead.second_low : 0x80;
        std::uint8_t const high = index == 1 ? lead.second_high : 0xBF;
        if (index >= rest.size() || byte_at(index) < low || byte_at(index) > high) {
            return {kReplacement, index, false};
        }
        character = (character << 6) | (byte_at(index) & 0x3FU);
    }
    return {character, lead.num_bytes, true};
}

}  // namespace

std::size_t invalid_utf8_offset(std::string_view text) {
    for (std::size_t offset = 0; offset < text.size();) {
        Sequence const sequence = next_sequence(text.substr(offset));
        if (!sequence.is_valid) {
            return offset;
        }
        offset += sequence.num_bytes;
    }
    return std::string_view::npos;
}

std::u32string decode_utf8_lossy(std::string_view text) {
    std::u32string characters;
    characters.reserve(text.size());
    while (!text.empty()) {
        Sequence const sequence = next_sequence(text);
        characters.push_back(sequence.character);
        text.remove_prefix(sequence.num_bytes);
    }
    return characters;
}

void append_utf8(std::string& text, char32_t character) {
    auto const continuation = [&](unsigned shift) {
        text.push_back(static_cast<char>(0x80 | ((character >> shift) & 0x3F)));
    };
    if (character < 0x80) {
        text.push_back(static_cast<char>(character));
    } else if (character < 0x800) {
        text.push_back(static_cast<char>(0xC0 | (character >> 6)));
        continuation(0);
    } else if (character < 0x10000) {
        text.push_back(static_cast<char>(0xE0 | (character >> 12)));
        continuation(6);
        continuation(0);
    } else {
        text.push_back(static_cast<char>(0xF0 | (character >> 18)));
        continuation(12);
        continuation(6);
        continuation(0);
    }
}

}  // namespace ctclip
