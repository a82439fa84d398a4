/// The records of a pax extended header: "LENGTH KEY=VALUE\n", one after the other (POSIX.1-2001, pax).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ctclip {

/// What a reader of shards must obey; times, owners and comments are skipped.
struct PaxRecords {
    std::optional<std::string> path;
    std::optional<std::uint64_t> size_bytes;
};

/// @throws Error kBadInput (without a path: the caller adds where) on a malformed record, a size that is no
/// number,
///         or a sparse file, whose data would not be what its size says.
PaxRecords parse_pax_records(std::string_view content);

}  // namespace ctclip
