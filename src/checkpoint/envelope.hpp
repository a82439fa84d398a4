/// The 512 bytes in front of a checkpoint's HDF5 part: readable text that says how long that part is and what
/// its SHA-256 is, so that damage is found before HDF5 parses a byte. HDF5 calls
/// the place a user block; h5dump, h5ls and h5py skip it. docs/checkpoint_format.md has the text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ctclip {

constexpr std::size_t kEnvelopeBytes = 512;
constexpr std::int64_t kCheckpointFormatVersion = 1;

struct Envelope {
    std::uint64_t hdf5_bytes = 0;
    std::string hdf5_sha256;  ///< 64 lower-case hex digits

    bool operator==(Envelope const&) const = default;
};

/// Exactly kEnvelopeBytes of text.
std::string render_envelope(Envelope const& envelope);

/// Reads what render_envelope wrote; any other byte anywhere is an error.
/// @param what  the file, for messages. @throws Error kBadInput: no checkpoint, a newer format, or damaged.
Envelope parse_envelope(std::string_view text, std::string const& what);

/// True if the bytes begin like an envelope of any version.
bool looks_like_envelope(std::string_view text);

}  // namespace ctclip
