#include "checkpoint/hdf5_file.hpp"

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/error_context.hpp"
#include "base/log.hpp"

namespace ctclip {
namespace {

constexpr std::size_t kImageGrowthBytes = std::size_t{8} << 20;
/// "End of file address" (absolute) in a superblock of version 3: HDF5 File Format Specification 3.0, II.A.
constexpr std::size_t kEndOfFileOffset = 28;
constexpr hsize_t kChunkBytes = hsize_t{4} << 20;
constexpr std::size_t kMaxRank = H5S_MAX_RANK;

// --- The library: started once, silent, its error stack turned into one sentence
// ------------------------------------

void start_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        H5dont_atexit();  // its exit handlers crash after a failed write; must come first
        H5open();
        H5PLset_loading_state(0);  // a file must not be able to name a plug-in to load
    });
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // per thread
}

herr_t keep_description(unsigned /*depth*/, H5E_error2_t const* error, void* text) noexcept {
    try {
        *static_cast<std::string*>(text) = fmt::format("{} in {}", error->desc, error->func_name);
        return 0;
    } catch (...) {
        return -1;
    }
}

/// Where it went wrong first: the innermost entry of the error stack.
std::string innermost_error() {
    std::string text = "no reason given";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_description, &text);
    return text;
}

/// Every HDF5 call goes through here: negative means failed.
template <class Status>
Status check(Status status, std::string_view call, std::string const& what, ExitCode code) {
    if (status < 0) {
        fail(code, "{}: {} failed ({})", what, call, innermost_error());
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

// --- Types
// -----------------------------------------------------------------------------------------------------------

/// The file type of each dtype a checkpoint can hold; the ids belong to the library.
std::vector<std::pair<DType, hid_t>> const& array_types() {
    static std::vector<std::pair<DType, hid_t>> const types{
        {DType::kF64, H5T_IEEE_F64LE}, {DType::kF32, H5T_IEEE_F32LE}, {DType::kI64, H5T_STD_I64LE},
        {DType::kI32, H5T_STD_I32LE},  {DType::kI16, H5T_STD_I16LE},  {DType::kI8, H5T_STD_I8LE},
        {DType::kU64, H5T_STD_U64LE},  {DType::kU32, H5T_STD_U32LE},  {DType::kU16, H5T_STD_U16LE},
        {DType::kU8, H5T_STD_U8LE}};
    return types;
}

std::optional<hid_t> to_hdf5(DType type) {
    for (auto const& [dtype, id] : array_types()) {
        if (dtype == type) {
            return id;
        }
    }
    return std::nullopt;
}

std::optional<DType> from_hdf5(hid_t type) {
    for (auto const& [dtype, id] : array_types()) {
        if (H5Tequal(type, id) > 0) {
            return dtype;
        }
    }
    return std::nullopt;
}

// --- Writing
// ---------------------------------------------------------------------------------------------------------

// Memory of the `core` driver is a FileImage. HDF5 would free it at close; it is kept instead, which saves a copy of the
// whole file. No initial image is given, so that HDF5 never asks for a second buffer.

void* image_realloc(void*, std::size_t size, H5FD_file_image_op_t, void* image) noexcept {
    auto& memory = *static_cast<FileImage*>(image);
    return memory.resize(size) ? memory.bytes().data() : nullptr;
}
void* image_malloc(std::size_t size, H5FD_file_image_op_t op, void* image) noexcept {
    return image_realloc(nullptr, size, op, image);
}
void* image_memcpy(void* to, void const* from, std::size_t size, H5FD_file_image_op_t, void*) noexcept {
    return std::memcpy(to, from, size);
}
herr_t image_free(void*, H5FD_file_image_op_t op, void* image) noexcept {
    if (op != H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
        static_cast<FileImage*>(image)->clear();
    }
    return 0;
}
void* share_image(void* image) noexcept {
    return image;
}
herr_t keep_image(void*) noexcept {
    return 0;
}

/// Full trailing axes, leading ones cut into equal parts until a chunk is at most kChunkBytes.
std::vector<hsize_t> chunk_shape(std::vector<hsize_t> shape, hsize_t item_bytes) {
    hsize_t size = item_bytes;
    for (hsize_t const length : shape) {
        size *= length;
    }
    for (hsize_t& length : shape) {
        if (size <= kChunkBytes) {
            break;
        }
        hsize_t const row = size / length;
        hsize_t const most_rows = std::max<hsize_t>(kChunkBytes / row, 1);
        hsize_t const num_chunks = (length + most_rows - 1) / most_rows;
        length = (length + num_chunks - 1) / num_chunks;
        size = row * length;
    }
    return shape;
}

void check_object_name(std::string const& name) {
    bool const is_possible =
        !name.empty() && name != "." && name.find('/') == name.npos && name.find('\0') == name.npos;
    require(is_possible, ExitCode::kBadInput, "'{}' cannot be the name of an array in an HDF5 file", name);
}

}  // namespace

struct Hdf5ImageWriter::State {
    std::size_t user_block_bytes = 0;
    FileImage image;  // outlives the file
    FileId file;

    template <class Status>
    static Status checked(Status status, std::string_view call, std::string const& what) {
        return check(status, call, "building an HDF5 file in memory: " + what, ExitCode::kTryAgain);
    }

    static PropertiesId properties(hid_t kind) {
        return PropertiesId(checked(H5Pcreate(kind), "H5Pcreate", ""));
    }

    PropertiesId in_memory_access() {
        H5FD_file_image_callbacks_t callbacks{image_malloc, image_memcpy, image_realloc, image_free,
                                              share_image,  keep_image,   &image};
        PropertiesId access = properties(H5P_FILE_ACCESS);
        checked(H5Pset_fapl_core(access.get(), kImageGrowthBytes, false), "H5Pset_fapl_core", "");
        checked(H5Pset_file_image_callbacks(access.get(), &callbacks), "H5Pset_file_image_callbacks", "");
        checked(H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST),
                "H5Pset_libver_bounds", "");
        return access;
    }

    GroupId open_group(std::string const& group) const {
        return GroupId(checked(H5Gopen2(file.get(), group.c_str(), H5P_DEFAULT), "H5Gopen", group));
    }
};

Hdf5ImageWriter::Hdf5ImageWriter(std::size_t user_block_bytes) : state_(std::make_unique<State>()) {
    start_library();
    state_->user_block_bytes = user_block_bytes;
    PropertiesId const creation = State::properties(H5P_FILE_CREATE);
    State::checked(H5Pset_userblock(creation.get(), user_block_bytes), "H5Pset_userblock", "");
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", "");
    PropertiesId const access = state_->in_memory_access();
    state_->file = FileId(State::checked(H5Fcreate("checkpoint", H5F_ACC_TRUNC, creation.get(), access.get()),
                                         "H5Fcreate", ""));
}

Hdf5ImageWriter::Hdf5ImageWriter(Hdf5ImageWriter&&) noexcept = default;
Hdf5ImageWriter::~Hdf5ImageWriter() = default;

void Hdf5ImageWriter::create_group(std::string const& group) {
    PropertiesId const creation = State::properties(H5P_GROUP_CREATE);
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", group);
    GroupId const id(State::checked(
        H5Gcreate2(state_->file.get(), group.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), "H5Gcreate",
        group));
}

void Hdf5ImageWriter::write_array(std::string const& group, std::string const& name, Array const& array) {
    check_object_name(name);
    std::string const what = group + "/" + name;
    auto const type = to_hdf5(array.type);
    require(type.has_value(), ExitCode::kBadInput, "{}: a checkpoint cannot hold {} arrays", what,
            dtype_name(array.type));
    auto const num_elements = static_cast<std::size_t>(element_count(array.shape));
    require(
        array.shape.size() <= kMaxRank && array.bytes.size() == num_elements * item_size_bytes(array.type),
        ExitCode::kBadInput, "{}: {} bytes do not fit shape {}", what, array.bytes.size(),
        to_string(array.shape));

    std::vector<hsize_t> const shape(array.shape.begin(), array.shape.end());
    PropertiesId const creation = State::properties(H5P_DATASET_CREATE);
    State::checked(H5Pset_obj_track_times(creation.get(), false), "H5Pset_obj_track_times", what);
    if (shape.empty() || num_elements == 0) {
        State::checked(H5Pset_layout(creation.get(), H5D_COMPACT), "H5Pset_layout", what);
    } else {
        auto const chunk = chunk_shape(shape, item_size_bytes(array.type));
        State::checked(H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data()),
                       "H5Pset_chunk", what);
        State::checked(H5Pset_fletcher32(creation.get()), "H5Pset_fletcher32", what);
    }
    SpaceId const space(State::checked(
        shape.empty() ? H5Screate(H5S_SCALAR)
                      : H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr),
        "H5Screate", what));
    GroupId const parent = state_->open_group(group);
    DatasetId const dataset(State::checked(
        H5Dcreate2(parent.get(), name.c_str(), *type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
        "H5Dcreate", what));
    if (num_elements > 0) {
        State::checked(H5Dwrite(dataset.get(), *type, H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()),
                       "H5Dwrite", what);
    }
}

void Hdf5ImageWriter::write_scalar(std::string const& group, std::string const& name, Scalar const& scalar) {
    std::string const what = group + "@" + name;
    GroupId const parent = state_->open_group(group);
    SpaceId const space(State::checked(H5Screate(H5S_SCALAR), "H5Screate", what));
    auto const write = [&](hid_t type, void const* value) {
        AttributeId const attribute(State::checked(
            H5Acreate2(parent.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate",
            what));
        State::checked(H5Awrite(attribute.get(), type, value), "H5Awrite", what);
    };
    if (auto const* integer = std::get_if<std::int64_t>(&scalar)) {
        write(H5T_STD_I64LE, integer);
    } else if (auto const* real = std::get_if<double>(&scalar)) {
        write(H5T_IEEE_F64LE, real);
    } else {
        auto const& text = std::get<std::string>(scalar);
        require(text.find('\0') == text.npos, ExitCode::kBadInput, "{}: the text contains a NUL byte", what);
        TypeId const type(State::checked(H5Tcopy(H5T_C_S1), "H5Tcopy", what));
        State::checked(H5Tset_size(type.get(), H5T_VARIABLE), "H5Tset_size", what);
        State::checked(H5Tset_cset(type.get(), H5T_CSET_UTF8), "H5Tset_cset", what);
        char const* const data = text.c_str();
        write(type.get(), &data);
    }
}

FileImage Hdf5ImageWriter::finish() {
    State::checked(H5Fclose(state_->file.release()), "H5Fclose", "");
    // The driver's memory is rounded up and HDF5 gives back space at close: the superblock alone knows the
    // end.
    std::uint64_t size = 0;
    std::memcpy(&size, state_->image.bytes().data() + state_->user_block_bytes + kEndOfFileOffset, sizeof size);
    state_->image.resize(size);  // smaller: cannot fail
    return std::move(state_->image);
}

// --- Reading
// ---------------------------------------------------------------------------------------------------------

namespace {

struct Links {
    std::vector<std::pair<std::string, H5L_type_t>> entries;
};

herr_t collect_link(hid_t, char const* name, H5L_info_t const* info, void* links) noexcept {
    try {
        static_cast<Links*>(links)->entries.emplace_back(name, info->type);
        return 0;
    } catch (...) {
        return -1;
    }
}

herr_t collect_attribute(hid_t, char const* name, H5A_info_t const*, void* names) noexcept {
    try {
        static_cast<std::vector<std::string>*>(names)->emplace_back(name);
        return 0;
    } catch (...) {
        return -1;
    }
}

}  // namespace

struct Hdf5Reader::State {
    std::filesystem::path path;
    std::uint64_t file_bytes = 0;
    FileId file;

    template <class Status>
    Status checked(Status status, std::string_view call, std::string const& object) const {
        return check(status, call, path.string() + ": " + object, ExitCode::kBadInput);
    }

    GroupId open_group(std::string const& group) const {
        return GroupId(checked(H5Gopen2(file.get(), group.c_str(), H5P_DEFAULT), "H5Gopen", group));
    }

    std::vector<std::string> names(std::string const& group, H5O_type_t type) const {
        GroupId const id = open_group(group);
        Links links;
        checked(H5Literate(id.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_link, &links), "H5Literate",
                group);
        std::vector<std::string> names;
        for (auto const& [name, link_type] : links.entries) {
            require(link_type == H5L_TYPE_HARD, ExitCode::kBadInput,
                    "{}: {}/{} is a link to elsewhere, not an object of this file", path.string(), group,
                    name);
            H5O_info_t info{};
            checked(H5Oget_info_by_name2(id.get(), name.c_str(), &info, H5O_INFO_BASIC, H5P_DEFAULT),
                    "H5Oget_info", group + "/" + name);
            require(info.type == H5O_TYPE_GROUP || info.type == H5O_TYPE_DATASET, ExitCode::kBadInput,
                    "{}: {}/{} is neither a group nor an array", path.string(), group, name);
            if (info.type == type) {
                names.push_back(name);
            }
        }
        return names;
    }

    Shape read_shape(hid_t dataset, std::string const& what) const {
        SpaceId const space(checked(H5Dget_space(dataset), "H5Dget_space", what));
        require(H5Sget_simple_extent_type(space.get()) != H5S_NULL, ExitCode::kBadInput,
                "{}: {} has no shape", path.string(), what);
        std::array<hsize_t, kMaxRank> lengths{};
        std::array<hsize_t, kMaxRank> most{};
        int const rank = checked(H5Sget_simple_extent_dims(space.get(), lengths.data(), most.data()),
                                 "H5Sget_simple_extent_dims", what);
        Shape shape;
        for (int i = 0; i < rank; ++i) {
            require(lengths[i] == most[i] && lengths[i] <= INT64_MAX, ExitCode::kBadInput,
                    "{}: {} can be extended, which a checkpoint's arrays cannot", path.string(), what);
            shape.push_back(static_cast<std::int64_t>(lengths[i]));
        }
        in_context(path.string() + ": " + what, [&] { return element_count(shape); });  // must be countable
        return shape;
    }

    void check_layout(hid_t dataset, Shape const& shape, std::string const& what) const {
        PropertiesId const creation(checked(H5Dget_create_plist(dataset), "H5Dget_create_plist", what));
        H5D_layout_t const layout = checked(H5Pget_layout(creation.get()), "H5Pget_layout", what);
        int const num_filters = checked(H5Pget_nfilters(creation.get()), "H5Pget_nfilters", what);
        if (shape.empty() || element_count(shape) == 0) {
            require(layout == H5D_COMPACT && num_filters == 0, ExitCode::kBadInput,
                    "{}: {} is not stored as a compact array", path.string(), what);
            return;
        }
        unsigned flags = 0;
        std::size_t num_values = 0;
        bool const is_checksummed = layout == H5D_CHUNKED && num_filters == 1 &&
                                    H5Pget_filter2(creation.get(), 0, &flags, &num_values, nullptr, 0,
                                                   nullptr, nullptr) == H5Z_FILTER_FLETCHER32;
        require(is_checksummed, ExitCode::kBadInput,
                "{}: {} is not stored in chunks with Fletcher-32 checksums alone", path.string(), what);
    }
};

Hdf5Reader::Hdf5Reader(FileDescriptor const& file, std::filesystem::path path)
    : state_(std::make_unique<State>()) {
    start_library();
    state_->file_bytes = file_size_bytes(file, path);
    state_->path = std::move(path);
    PropertiesId const access(state_->checked(H5Pcreate(H5P_FILE_ACCESS), "H5Pcreate", ""));
    // Checkpoints never change once they have their name; some shared file systems have no locks at all.
    state_->checked(H5Pset_file_locking(access.get(), false, true), "H5Pset_file_locking", "");
    std::string const by_descriptor = fmt::format("/proc/self/fd/{}", file.get());
    state_->file = FileId(state_->checked(H5Fopen(by_descriptor.c_str(), H5F_ACC_RDONLY, access.get()),
                                          "H5Fopen", "HDF5 part"));
}

Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader::~Hdf5Reader() = default;

std::vector<std::string> Hdf5Reader::group_names(std::string const& group) const {
    return state_->names(group, H5O_TYPE_GROUP);
}

std::vector<std::string> Hdf5Reader::array_names(std::string const& group) const {
    return state_->names(group, H5O_TYPE_DATASET);
}

Array Hdf5Reader::read_array(std::string const& group, std::string const& name) const {
    std::string const what = group + "/" + name;
    GroupId const parent = state_->open_group(group);
    DatasetId const dataset(
        state_->checked(H5Dopen2(parent.get(), name.c_str(), H5P_DEFAULT), "H5Dopen", what));
    TypeId const type(state_->checked(H5Dget_type(dataset.get()), "H5Dget_type", what));
    auto const dtype = from_hdf5(type.get());
    require(dtype.has_value(), ExitCode::kBadInput, "{}: {} has a type that no checkpoint has",
            state_->path.string(), what);
    Array array{*dtype, state_->read_shape(dataset.get(), what), {}};
    state_->check_layout(dataset.get(), array.shape, what);

    auto const num_elements = static_cast<std::uint64_t>(element_count(array.shape));
    require(num_elements <= state_->file_bytes / item_size_bytes(*dtype), ExitCode::kBadInput,
            "{}: {} claims shape {}, more than the file can hold", state_->path.string(), what,
            to_string(array.shape));
    array.bytes.resize(num_elements * item_size_bytes(*dtype));
    if (num_elements > 0) {
        state_->checked(H5Dread(dataset.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, array.bytes.data()),
                        "H5Dread", what);
    }
    return array;
}

std::map<std::string, Scalar> Hdf5Reader::read_scalars(std::string const& group) const {
    GroupId const parent = state_->open_group(group);
    std::vector<std::string> names;
    state_->checked(H5Aiterate2(parent.get(), H5_INDEX_NAME, H5_ITER_INC, nullptr, collect_attribute, &names),
                    "H5Aiterate", group);
    std::map<std::string, Scalar> scalars;
    for (std::string const& name : names) {
        std::string const what = group + "@" + name;
        AttributeId const attribute(
            state_->checked(H5Aopen(parent.get(), name.c_str(), H5P_DEFAULT), "H5Aopen", what));
        SpaceId const space(state_->checked(H5Aget_space(attribute.get()), "H5Aget_space", what));
        TypeId const type(state_->checked(H5Aget_type(attribute.get()), "H5Aget_type", what));
        require(H5Sget_simple_extent_type(space.get()) == H5S_SCALAR, ExitCode::kBadInput,
                "{}: {} is not a scalar", state_->path.string(), what);
        auto const read = [&](hid_t memory_type, void* value) {
            state_->checked(H5Aread(attribute.get(), memory_type, value), "H5Aread", what);
        };
        if (H5Tequal(type.get(), H5T_STD_I64LE) > 0) {
            read(H5T_STD_I64LE, &scalars[name].emplace<std::int64_t>());
        } else if (H5Tequal(type.get(), H5T_IEEE_F64LE) > 0) {
            read(H5T_IEEE_F64LE, &scalars[name].emplace<double>());
        } else {
            require(H5Tget_class(type.get()) == H5T_STRING && H5Tis_variable_str(type.get()) > 0,
                    ExitCode::kBadInput, "{}: {} is neither an integer, a real number nor a text",
                    state_->path.string(), what);
            char* text = nullptr;
            read(type.get(), &text);
            std::unique_ptr<char, herr_t (*)(char*)> const owner(
                text, [](char* data) { return H5free_memory(data); });
            scalars[name] = std::string(text == nullptr ? "" : text);
        }
    }
    return scalars;
}

std::string hdf5_version() {
    unsigned major = 0;
    unsigned minor = 0;
    unsigned release = 0;
    H5get_libversion(&major, &minor, &release);
    return fmt::format("{}.{}.{}", major, minor, release);
}

}  // namespace ctclip
