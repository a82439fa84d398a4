/// The HDF5 library for its two users, hdf5_writer.cpp and hdf5_reader.cpp: whose turn it is, errors, owners of
/// its objects, types.
#pragma once

#include <hdf5.h>

#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/array.hpp"
#include "base/error.hpp"
#include "base/handle.hpp"
#include "base/log.hpp"

namespace ctclip {

constexpr std::size_t kMaxHdf5Rank = H5S_MAX_RANK;

/// Held while the library is called, also to close its objects. Debian builds it with a lock of its own; by
/// default, as clusters have it, it has none, and threads must take turns even with files of their own: a save in
/// the background and a reader in the main thread. Starts the library at the first turn, silent.
class Hdf5Turn {
  public:
    Hdf5Turn();

  private:
    std::unique_lock<std::mutex> lock_;
};

/// Where it went wrong first: the innermost entry of the error stack.
std::string innermost_hdf5_error();

/// Every HDF5 call goes through here: a negative status means failed. @throws Error `code`, naming `what`.
template <class Status>
Status check_hdf5(Status status, std::string_view call, std::string const& what, ExitCode code) {
    if (status < 0) {
        fail(code, "{}: {} failed ({})", what, call, innermost_hdf5_error());
    }
    return status;
}

template <herr_t (*kClose)(hid_t)>
struct IdTraits {
    using Raw = hid_t;
    static Raw null() noexcept { return H5I_INVALID_HID; }
    static void close(Raw id) noexcept {
        if (kClose(id) < 0) {
            log_warning("HDF5 could not close an object");
        }
    }
};
using FileId = UniqueHandle<IdTraits<H5Fclose>>;
using GroupId = UniqueHandle<IdTraits<H5Gclose>>;
using DatasetId = UniqueHandle<IdTraits<H5Dclose>>;
using AttributeId = UniqueHandle<IdTraits<H5Aclose>>;
using SpaceId = UniqueHandle<IdTraits<H5Sclose>>;
using TypeId = UniqueHandle<IdTraits<H5Tclose>>;
using PropertiesId = UniqueHandle<IdTraits<H5Pclose>>;

/// The file type of a dtype that a checkpoint can hold; the id belongs to the library.
std::optional<hid_t> to_hdf5(DType type);
/// Nothing for a type that no checkpoint has.
std::optional<DType> from_hdf5(hid_t type);

}  // namespace ctclip
