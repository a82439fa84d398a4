/// One CT volume out of an .npz (a zip of .npy files) without Python and without trusting a byte of it.
///
/// Read: stored and deflated members, zip64, .npy 1.0 to 3.0, float64/32/16, int32/16/8, uint16/8, both byte
/// orders, C and Fortran order. Refused: everything else, anything that contradicts itself, object arrays
/// (never unpickled). Every CRC-32 is checked; nothing is allocated from a size that has not been checked
/// against the array's own header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/array.hpp"
#include "base/file_descriptor.hpp"
#include "npz/scratch_buffer.hpp"

namespace ctclip {

struct NpyHeader;
struct ZipMember;

/// A volume as stored. `bytes()` holds element_count(shape) elements in the stated order and byte order.
struct NpzArray {
    std::string key;           ///< without ".npy"
    DType type = DType::kF64;  ///< kF64 kF32 kF16 kI32 kI16 kI8 kU16 kU8
    Shape shape;               ///< three axes, each >= 1: (x, y, z) in CT-RATE
    bool is_fortran_order = false;
    bool is_big_endian = false;

    std::span<std::byte const> bytes() const { return member.bytes().subspan(payload_offset); }

    ScratchBuffer member;            ///< the whole .npy
    std::size_t payload_offset = 0;  ///< where its voxels start
};

/// What a file says about its volume, without its voxels.
struct VolumeSummary {
    DType type = DType::kF64;            ///< of the voxels as a reader gives them
    Shape shape;                         ///< (x, y, z)
    std::optional<std::uint32_t> crc32;  ///< on record in the file, of the uncompressed content

    std::uint64_t array_bytes() const {
        return static_cast<std::uint64_t>(element_count(shape)) * item_size_bytes(type);
    }
};

struct NpzLimits {
    std::uint64_t max_array_bytes = std::uint64_t{4}
                                    << 30;  ///< uncompressed voxels; 1024x1024x400 float64 is 3.4 GB
};

/// Reads volume after volume into the same memory (one compressed member and one array at a time).
class NpzReader {
  public:
    explicit NpzReader(NpzLimits limits = {}) : limits_(limits) {}

    /// @param key  the array's name, or "auto": the first of data, volume, arr_0, arr that the file has.
    /// @return     valid until the next call.
    /// @throws Error kBadInput (path, member, what is wrong), kTryAgain if the file changed while it was
    /// read,
    ///               kIoError, kNoPermission.
    NpzArray const& read(std::filesystem::path const& path, std::string const& key = "auto");

    /// Reads table of contents and header only. @throws Error as read(), as far as these say.
    VolumeSummary peek(std::filesystem::path const& path, std::string const& key = "auto");

    NpzArray take() && { return std::move(array_); }

  private:
    void read_member(FileDescriptor const& file, std::filesystem::path const& path, ZipMember const& member);
    /// Leaves the first `num_compressed_bytes` of a deflated member in compressed_.
    NpyHeader read_header(FileDescriptor const& file, std::filesystem::path const& path,
                          ZipMember const& member, std::string const& what,
                          std::uint64_t num_compressed_bytes);

    NpzLimits limits_;
    ScratchBuffer compressed_;
    NpzArray array_;
};

/// NpzReader for a single file.
NpzArray read_npz(std::filesystem::path const& path, std::string const& key = "auto", NpzLimits limits = {});

}  // namespace ctclip
