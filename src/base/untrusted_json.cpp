#include "base/untrusted_json.hpp"

#include <utility>
#include <vector>

#include "base/error.hpp"

namespace ctclip {
namespace {

using nlohmann::json;

/// Builds the value while the parser goes through the text, and refuses what the parser would let pass.
class StrictBuilder final : public nlohmann::json_sax<json> {
  public:
    /// @param sink  may be null.
    StrictBuilder(std::string const& what, std::size_t max_depth, ElementSink const* sink)
        : what_(what), max_depth_(max_depth), sink_(sink) {}

    json take() { return std::move(root_); }

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, string_t const&) override { return add(value); }
    bool string(string_t& value) override { return add(std::move(value)); }
    bool binary(binary_t&) override { return false; }  // there is none in text
    bool start_object(std::size_t) override { return open(json::object()); }
    bool end_object() override { return close(); }
    bool start_array(std::size_t) override { return open(json::array()); }
    bool end_array() override { return close(); }

    bool key(string_t& name) override {
        auto const [place, is_new] = open_.back()->get_ref<json::object_t&>().try_emplace(name);
        if (!is_new) {
            fail(ExitCode::kBadInput, "{} has the name {} twice in one object", what_, json(name).dump(-1, ' ', true));
        }
        next_ = &place->second;
        if (sink_ != nullptr && open_.size() == 1) {
            is_in_sink_ = name == sink_->array;
        }
        return true;
    }

    bool parse_error(std::size_t byte, std::string const&, nlohmann::detail::exception const& error) override {
        require(dynamic_cast<json::out_of_range const*>(&error) == nullptr, ExitCode::kBadInput,
                "{} is not valid JSON: a number is out of range", what_);
        fail(ExitCode::kBadInput, "{} is not valid JSON (near byte {})", what_, byte);
    }

  private:
    bool add(json value) {
        if (!open_.empty() && open_.back()->is_array()) {
            next_ = &open_.back()->emplace_back();
        }
        *next_ = std::move(value);
        return true;
    }
    bool open(json value) {
        require(open_.size() < max_depth_, ExitCode::kBadInput, "{} is nested more than {} levels deep", what_,
                max_depth_);
        add(std::move(value));
        open_.push_back(next_);
        return true;
    }
    bool close() {
        open_.pop_back();
        if (is_in_sink_ && open_.size() == 2 && open_.back()->is_array()) {
            auto& elements = open_.back()->get_ref<json::array_t&>();
            sink_->use(elements.back());
            elements.pop_back();
        }
        return true;
    }

    std::string const& what_;
    std::size_t max_depth_;
    ElementSink const* sink_;
    bool is_in_sink_ = false;  // behind the name of its array
    json root_;
    json* next_ = &root_;      // where the next value goes, unless that is the end of an array
    std::vector<json*> open_;  // objects and arrays around it, the outermost first
};

json parse(std::string_view text, std::string const& what, std::size_t max_depth, ElementSink const* sink) {
    // The parser takes a NUL byte for the end of the text and would leave the rest unread.
    require(text.find('\0') == text.npos, ExitCode::kBadInput, "{} is not valid JSON: it contains a NUL byte",
            what);
    StrictBuilder builder(what, max_depth, sink);
    json::sax_parse(text.begin(), text.end(), &builder);
    return builder.take();
}

}  // namespace

json parse_untrusted_json(std::string_view text, std::string const& what, std::size_t max_depth) {
    return parse(text, what, max_depth, nullptr);
}

json parse_untrusted_json(std::string_view text, std::string const& what, ElementSink const& sink) {
    return parse(text, what, kUsualJsonDepth, &sink);
}

}  // namespace ctclip
