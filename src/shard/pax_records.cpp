#include "shard/pax_records.hpp"

#include <charconv>

#include "base/error.hpp"

namespace ctclip {
namespace {

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// Cuts the first record off `content` and returns its "KEY=VALUE".
std::string_view take_record(std::string_view& content) {
    std::size_t const blank = content.substr(0, 12).find(' ');
    auto const length = blank == content.npos ? std::nullopt : parse_decimal(content.substr(0, blank));
    bool const is_sound =
        length && *length > blank + 2 && *length <= content.size() && content[*length - 1] == '\n';
    require(is_sound, ExitCode::kBadInput, "a pax header has a record with a wrong length");
    std::string_view const record = content.substr(blank + 1, *length - blank - 2);
    content.remove_prefix(*length);
    return record;
}

}  // namespace

PaxRecords parse_pax_records(std::string_view content) {
    PaxRecords records;
    while (!content.empty()) {
        std::string_view const record = take_record(content);
        std::size_t const equals = record.find('=');
        require(equals != record.npos && equals > 0, ExitCode::kBadInput,
                "a pax header has a record without key=value");
        std::string_view const key = record.substr(0, equals);
        std::string_view const value = record.substr(equals + 1);
        require(!key.starts_with("GNU.sparse"), ExitCode::kBadInput, "sparse members are not supported");
        if (key == "path") {
            records.path = value;
        } else if (key == "size") {
            records.size_bytes = parse_decimal(value);
            require(records.size_bytes.has_value(), ExitCode::kBadInput,
                    "a pax header has a size that is no number");
        }
    }
    return records;
}

}  // namespace ctclip
