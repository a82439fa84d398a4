#include "loader/shard_list.hpp"

#include <glob.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_set>

#include "base/error.hpp"
#include "base/log.hpp"
#include "shard/shard_index.hpp"
#include "shard/shard_set.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kMaxShards = 1'000'000;

std::vector<std::string_view> split(std::string_view text, std::string_view separator) {
    std::vector<std::string_view> parts;
    for (std::size_t end = text.find(separator); end != std::string_view::npos; end = text.find(separator)) {
        parts.push_back(text.substr(0, end));
        text.remove_prefix(end + separator.size());
    }
    parts.push_back(text);
    return parts;
}

/// The end of the brace that opens at `open`; alternatives may hold braces themselves.
std::size_t closing_brace(std::string_view pattern, std::size_t open) {
    int depth = 0;
    for (std::size_t index = open; index < pattern.size(); ++index) {
        depth += pattern[index] == '{' ? 1 : (pattern[index] == '}' ? -1 : 0);
        if (depth == 0) {
            return index;
        }
    }
    fail(ExitCode::kBadConfig, "shards '{}': a brace is not closed (ranges are written {{000000..000314}})",
         pattern);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

/// "000000..000314", or nothing if it is no range.
std::optional<std::vector<std::string>> expand_range(std::string_view inside, std::string_view pattern) {
    std::vector<std::string_view> const ends = split(inside, "..");
    if (ends.size() != 2 || inside.find_first_of(",{") != std::string_view::npos) {
        return std::nullopt;
    }
    std::optional<std::uint64_t> const first = parse_number(ends[0]);
    std::optional<std::uint64_t> const last = parse_number(ends[1]);
    require(first && last && *first <= *last && *last - *first < kMaxShards, ExitCode::kBadConfig,
            "shards '{}': {{{}}} is no range of at most {} numbers (such as {{000000..000314}})", pattern,
            inside, kMaxShards);
    auto const is_padded = [](std::string_view text) { return text.size() > 1 && text.starts_with('0'); };
    bool const keeps_zeros = is_padded(ends[0]) || is_padded(ends[1]);
    std::size_t const width = keeps_zeros ? std::max(ends[0].size(), ends[1].size()) : 0;
    std::vector<std::string> numbers;
    for (std::uint64_t number = *first; number <= *last; ++number) {
        numbers.push_back(fmt::format("{:0{}}", number, width));
    }
    return numbers;
}

/// "a,b{1,2},c" at the commas outside braces.
std::vector<std::string> split_alternatives(std::string_view inside) {
    std::vector<std::string> alternatives(1);
    int depth = 0;
    for (char const c : inside) {
        depth += c == '{' ? 1 : (c == '}' ? -1 : 0);
        if (c == ',' && depth == 0) {
            alternatives.emplace_back();
        } else {
            alternatives.back().push_back(c);
        }
    }
    return alternatives;
}

std::vector<std::filesystem::path> expand_glob(std::string const& pattern) {
    glob_t matches{};
    int const status = ::glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches);
    std::vector<std::filesystem::path> paths(matches.gl_pathv, matches.gl_pathv + matches.gl_pathc);
    ::globfree(&matches);
    require(status == 0 || status == GLOB_NOMATCH, ExitCode::kIoError, "shards '{}': a folder cannot be read",
            pattern);
    require(!paths.empty(), ExitCode::kBadInput, "shards '{}': nothing matches this pattern", pattern);
    std::sort(paths.begin(), paths.end(),
              [](auto const& a, auto const& b) { return a.native() < b.native(); });
    return paths;
}

std::vector<std::filesystem::path> expand_path(std::string const& path) {
    if (std::filesystem::is_directory(path)) {
        std::vector<std::filesystem::path> shards = list_shards(path);
        if (std::string const missing = find_missing_shards(path, shards.size()); !missing.empty()) {
            log_warning("{}: only the {} shards that are there are used", missing, shards.size());
        }
        return shards;
    }
    if (std::filesystem::exists(path)) {
        return {path};
    }
    if (path.find_first_of("*?[") != std::string::npos) {
        return expand_glob(path);
    }
    fail(ExitCode::kBadInput, "{}: no such shard or folder", path);
}

}  // namespace

std::vector<std::string> expand_braces(std::string_view pattern) {
    std::size_t const open = pattern.find('{');
    if (open == std::string_view::npos) {
        return {std::string(pattern)};
    }
    std::size_t const close = closing_brace(pattern, open);
    std::string_view const inside = pattern.substr(open + 1, close - open - 1);
    std::vector<std::string> heads;
    if (auto range = expand_range(inside, pattern)) {
        heads = std::move(*range);
    } else {
        for (std::string const& alternative : split_alternatives(inside)) {
            std::vector<std::string> const expanded = expand_braces(alternative);
            heads.insert(heads.end(), expanded.begin(), expanded.end());
        }
    }
    std::vector<std::string> const tails = expand_braces(pattern.substr(close + 1));
    require(heads.size() <= kMaxShards / tails.size(), ExitCode::kBadConfig,
            "shards '{}': more than {} shards", pattern, kMaxShards);
    std::vector<std::string> expanded;
    for (std::string const& head : heads) {
        for (std::string const& tail : tails) {
            expanded.push_back(std::string(pattern.substr(0, open)) + head + tail);
        }
    }
    return expanded;
}

std::vector<std::filesystem::path> resolve_shards(std::string_view specification) {
    require(!specification.empty(), ExitCode::kBadConfig,
            "no shards are given (a folder, a pattern or a tar)");
    std::vector<std::filesystem::path> shards;
    std::unordered_set<std::string> seen;
    for (std::string_view const part : split(specification, "::")) {
        for (std::string const& path : expand_braces(part)) {
            for (std::filesystem::path& shard : expand_path(path)) {
                bool const is_new = seen.insert(std::filesystem::canonical(shard).native()).second;
                require(is_new, ExitCode::kBadInput,
                        "{} is named twice in '{}' (its samples would count twice)", shard.string(),
                        specification);
                shards.push_back(std::move(shard));
            }
        }
    }
    return shards;
}

}  // namespace ctclip
