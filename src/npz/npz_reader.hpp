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
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "base/array.hpp"
#include "npz/scratch_buffer.hpp"

struct libdeflate_decompressor;

namespace ctclip {

/// What a source says about its volume.
struct VolumeHeader {
    std::string key;           ///< without ".npy"
    DType type = DType::kF64;  ///< kF64 kF32 kF16 kI32 kI16 kI8 kU16 kU8
    Shape shape;               ///< three axes, each >= 1: (x, y, z) in CT-RATE
    bool is_fortran_order = false;
    bool is_big_endian = false;

    std::uint64_t num_voxels() const { return static_cast<std::uint64_t>(element_count(shape)); }
};

/// A volume as stored. `bytes()` holds num_voxels() elements in the stated order and byte order.
struct NpzArray : VolumeHeader {
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

/// Takes voxels as stored, in storage order, whole elements at a time, a few hundred KiB that the processor's cache
/// still holds. Until the decoding call has returned they are unproven: the CRC-32 comes last.
using VoxelSink = std::function<void(std::span<std::byte const> voxels)>;

/// Reads volume after volume into the same memory (one compressed member and one array at a time).
class NpzReader {
  public:
    explicit NpzReader(NpzLimits limits = {});
    NpzReader(NpzReader&&) noexcept;
    NpzReader& operator=(NpzReader&&) noexcept;
    ~NpzReader();

    /// Checks everything that can be known before a voxel is decoded. Then follow decode_whole(), or inflate() if
    /// wanted and decode_in_pieces(), which may be repeated.
    /// @param key  the array's name, or "auto": the first of data, volume, arr_0, arr that the file has.
    /// @return     valid until the next open().
    /// @throws Error kBadInput (path, member, what is wrong), kTryAgain if the file changed while it was read,
    ///               kIoError, kNoPermission. So do the decoding calls.
    VolumeHeader const& open(std::filesystem::path const& path, std::string const& key = "auto");
    /// The memory that this reader would hold after decode_whole().
    std::uint64_t bytes_held_by_whole() const;
    /// Gives back what earlier volumes took; may follow open().
    void release_memory();
    std::uint64_t file_bytes() const;  ///< of what is open, on disk

    /// Decodes into one buffer (libdeflate: the fastest).
    /// @return  array(), valid until the next call.
    NpzArray const& decode_whole();
    /// The first half of decode_whole(): the buffer's CRC-32 is left to decode_in_pieces(), which looks at every byte
    /// anyway. The file is closed.
    void inflate();
    /// Decodes piece by piece: what inflate() has left in memory; else from the file (ISA-L), in less than 1 MiB of
    /// memory whatever the volume's size.
    void decode_in_pieces(VoxelSink const& use);
    NpzArray const& array() const { return array_; }
    /// Of the whole file that was decoded last.
    std::uint32_t file_crc32c() const { return file_crc32c_; }

    /// open() and decode_whole().
    NpzArray const& read(std::filesystem::path const& path, std::string const& key = "auto");

    /// Reads table of contents and header only. @throws Error as open().
    VolumeSummary peek(std::filesystem::path const& path, std::string const& key = "auto");

    NpzArray take() && { return std::move(array_); }

  private:
    struct Source;
    struct FreeDecompressor {
        void operator()(libdeflate_decompressor* decompressor) const noexcept;
    };

    void read_header(Source& source);
    /// compressed_ to `out`.
    void inflate_whole(std::span<std::byte> out, std::string const& what);
    void give_inflated(VoxelSink const& use) const;
    void give_from_file(VoxelSink const& use);

    NpzLimits limits_;
    std::unique_ptr<Source> source_;  ///< what is open
    bool is_inflated_ = false;
    ScratchBuffer compressed_;
    ScratchBuffer piece_;
    std::unique_ptr<libdeflate_decompressor, FreeDecompressor> decompressor_;
    NpzArray array_;
    std::uint32_t file_crc32c_ = 0;
};

/// NpzReader for a single file.
NpzArray read_npz(std::filesystem::path const& path, std::string const& key = "auto", NpzLimits limits = {});

}  // namespace ctclip
