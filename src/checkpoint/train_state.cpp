#include "checkpoint/train_state.hpp"

#include "base/error.hpp"

namespace ctclip {
namespace {

template <class T>
T const& get_scalar(StateGroup const& group, std::string const& name, char const* type_name) {
    auto const found = group.scalars.find(name);
    require(found != group.scalars.end(), ExitCode::kBadInput,
            "the checkpoint has no value '{}' (it was written by another kind of run)", name);
    T const* value = std::get_if<T>(&found->second);
    require(value != nullptr, ExitCode::kBadInput, "the checkpoint's value '{}' is not {}", name, type_name);
    return *value;
}

}  // namespace

std::int64_t StateGroup::integer(std::string const& name) const {
    return get_scalar<std::int64_t>(*this, name, "an integer");
}

double StateGroup::real(std::string const& name) const {
    return get_scalar<double>(*this, name, "a real number");
}

std::string const& StateGroup::text(std::string const& name) const {
    return get_scalar<std::string>(*this, name, "a text");
}

}  // namespace ctclip
