/// Signatures and fixed sizes of the zip format, shared by reader and writer (APPNOTE 6.3, section 4.3).
#pragma once

#include <cstddef>
#include <cstdint>

namespace ctclip::zip {

inline constexpr std::uint32_t kLocalSignature = 0x04034b50;
inline constexpr std::uint32_t kCentralSignature = 0x02014b50;
inline constexpr std::uint32_t kDescriptorSignature = 0x08074b50;
inline constexpr std::uint32_t kEndSignature = 0x06054b50;
inline constexpr std::uint32_t kEnd64Signature = 0x06064b50;
inline constexpr std::uint32_t kEnd64LocatorSignature = 0x07064b50;

inline constexpr std::size_t kLocalBytes = 30;
inline constexpr std::size_t kCentralBytes = 46;
inline constexpr std::size_t kEndBytes = 22;
inline constexpr std::size_t kEnd64Bytes = 56;
inline constexpr std::size_t kEnd64LocatorBytes = 20;

inline constexpr std::uint16_t kZip64Extra = 0x0001;
inline constexpr std::uint16_t kSeeZip64Short = 0xFFFF;  ///< "the value is in the zip64 record"
inline constexpr std::uint32_t kSeeZip64 = 0xFFFFFFFF;
inline constexpr std::uint16_t kVersionZip64 = 45;

}  // namespace ctclip::zip
