#include "checkpoint/envelope.hpp"

#include <charconv>

#include "base/error.hpp"

namespace ctclip {
namespace {

constexpr std::string_view kMagic = "ctclip checkpoint, format ";
constexpr std::size_t kDigestDigits = 64;

/// The text between `label` and the end of its line; empty if there is no such line.
std::string_view field(std::string_view text, std::string_view label) {
    std::size_t const begin = text.find(label);
    if (begin == text.npos) {
        return {};
    }
    std::string_view const rest = text.substr(begin + label.size());
    return rest.substr(0, rest.find('\n'));
}

std::uint64_t parse_number(std::string_view digits) {
    std::uint64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

}  // namespace

std::string render_envelope(Envelope const& envelope) {
    std::string text = fmt::format(
        "{}{}\n"
        "An HDF5 file with this text in front: h5dump, h5ls and h5py open it as it is.\n"
        "hdf5_bytes {}\n"
        "hdf5_sha256 {}\n"
        "To check it: ctclip-ckpt verify FILE, or tail -c +{} FILE | sha256sum\n",
        kMagic, kCheckpointFormatVersion, envelope.hdf5_bytes, envelope.hdf5_sha256, kEnvelopeBytes + 1);
    text.resize(kEnvelopeBytes - 1, ' ');
    return text + '\n';
}

Envelope parse_envelope(std::string_view text, std::string const& what) {
    require(looks_like_envelope(text), ExitCode::kBadInput,
            "{}: not a ctclip checkpoint (its first bytes are not '{}...')", what, kMagic);
    std::string_view const version = field(text, kMagic);
    require(parse_number(version) <= kCheckpointFormatVersion || version.size() > 9, ExitCode::kBadInput,
            "{}: checkpoint format {} is newer than this program, which reads up to {}. Use a newer ctclip",
            what, parse_number(version), kCheckpointFormatVersion);
    Envelope envelope{parse_number(field(text, "\nhdf5_bytes ")), std::string(field(text, "\nhdf5_sha256 "))};
    require(envelope.hdf5_sha256.size() == kDigestDigits && text == render_envelope(envelope),
            ExitCode::kBadInput, "{}: the envelope (first {} bytes) is damaged", what, kEnvelopeBytes);
    return envelope;
}

bool looks_like_envelope(std::string_view text) {
    return text.starts_with(kMagic);
}

}  // namespace ctclip
