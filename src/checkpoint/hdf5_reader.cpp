#include "checkpoint/hdf5_reader.hpp"

#include <array>
#include <utility>

#include "base/error_context.hpp"
#include "checkpoint/hdf5_library.hpp"

namespace ctclip {
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
        return check_hdf5(status, call, path.string() + ": " + object, ExitCode::kBadInput);
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
        std::array<hsize_t, kMaxHdf5Rank> lengths{};
        std::array<hsize_t, kMaxHdf5Rank> most{};
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
    Hdf5Turn const turn;
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
Hdf5Reader::~Hdf5Reader() {
    Hdf5Turn const turn;
    state_.reset();
}

std::vector<std::string> Hdf5Reader::group_names(std::string const& group) const {
    Hdf5Turn const turn;
    return state_->names(group, H5O_TYPE_GROUP);
}

std::vector<std::string> Hdf5Reader::array_names(std::string const& group) const {
    Hdf5Turn const turn;
    return state_->names(group, H5O_TYPE_DATASET);
}

Array Hdf5Reader::read_array(std::string const& group, std::string const& name) const {
    Hdf5Turn const turn;
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
    Hdf5Turn const turn;
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

}  // namespace ctclip
