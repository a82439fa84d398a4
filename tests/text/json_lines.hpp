/// Golden data of the tokenizer: one JSON object a line.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file_descriptor.hpp"

namespace ctclip {

inline std::filesystem::path text_data(std::string const& name) {
    return std::filesystem::path(CTCLIP_TEST_DATA) / "text" / name;
}

inline std::vector<nlohmann::json> read_json_lines(std::string const& name) {
    std::vector<nlohmann::json> rows;
    std::string const content = read_text_file(text_data(name));
    for (std::size_t begin = 0; begin < content.size();) {
        std::size_t const end = std::min(content.find('\n', begin), content.size());
        rows.push_back(nlohmann::json::parse(content.substr(begin, end - begin)));
        begin = end + 1;
    }
    return rows;
}

/// The bytes of `bytes_hex`.
inline std::string bytes_of_hex(std::string const& hex) {
    std::string bytes;
    for (std::size_t index = 0; index < hex.size(); index += 2) {
        bytes.push_back(static_cast<char>(std::stoi(hex.substr(index, 2), nullptr, 16)));
    }
    return bytes;
}

}  // namespace ctclip
