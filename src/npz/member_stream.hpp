/// The content of a zip member in order and in bounded memory, straight into the memory that the caller gives: ISA-L
/// for deflated members (libdeflate, which is as fast or faster, wants the whole content in one buffer).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/digested_file.hpp"
#include "zip/zip_directory.hpp"

namespace ctclip {

/// What both decoders say of a deflate stream that is not just the array's: which of its faults shows first is theirs.
inline constexpr char const* kWrongStream = "the deflate stream is damaged, or holds more or less than the array";

class MemberStream {
  public:
    /// @param file  outlives this; stands at or before the member's data.
    /// @param what  names the member in messages.
    MemberStream(DigestedFile& file, ZipMember const& member, std::string what);
    ~MemberStream();

    /// The next `out.size()` bytes, less than 4 GiB. @throws Error kBadInput if the stream is damaged or ends before,
    /// kIoError.
    void read(std::span<std::byte> out);
    /// @throws Error kBadInput unless the content, and the member's data with it, end here.
    void finish();

  private:
    struct Inflater;

    void read_stored(std::span<std::byte> out);
    /// Returns how many bytes came: fewer than asked for at the stream's end.
    std::size_t inflate(std::span<std::byte> out);
    void refill();

    DigestedFile& file_;
    std::string what_;
    std::uint64_t num_unread_bytes_;  ///< of the member's data in the file
    std::unique_ptr<Inflater> inflater_;  ///< none: a stored member
};

}  // namespace ctclip
