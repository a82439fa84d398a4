#include "npz/npy_header.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "base/field_reader.hpp"
#include "base/printable.hpp"

namespace ctclip {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// Reads {'descr': '<f8', 'fortran_order': False, 'shape': (4, 5, 6), } and only that, names in any order.
class DictionaryParser {
  public:
    DictionaryParser(std::string_view text, std::string const& what) : text_(text), what_(what) {}

    void parse() {
        expect('{');
        while (!accept('}')) {
            parse_item();
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_blanks();
        check(position_ == text_.size(), "has text after its closing brace");
        check(descr && is_fortran_order && shape, "lacks 'descr', 'fortran_order' or 'shape'");
    }

    std::optional<std::string> descr;
    std::optional<bool> is_fortran_order;
    std::optional<Shape> shape;

  private:
    void check(bool condition, std::string_view problem) const {
        require(condition, ExitCode::kBadInput, "{}: the .npy header {} (byte {})", what_, problem,
                position_);
    }

    void parse_item() {
        std::string const name = parse_string();
        expect(':');
        if (name == "descr") {
            check(!descr, "has 'descr' twice");
            check(peek() == '\'' || peek() == '"',
                  "describes a structured type; a volume holds plain numbers");
            descr = parse_string();
        } else if (name == "fortran_order") {
            check(!is_fortran_order, "has 'fortran_order' twice");
            is_fortran_order = parse_bool();
        } else {
            check(name == "shape", "has an unknown name '" + printable(name) + "'");
            check(!shape, "has 'shape' twice");
            shape = parse_shape();
        }
    }

    void skip_blanks() {
        while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) {
            ++position_;
        }
    }
    char peek() {
        skip_blanks();
        return position_ < text_.size() ? text_[position_] : '\0';
    }
    bool accept(char wanted) {
        bool const is_there = peek() == wanted;
        position_ += is_there ? 1 : 0;
        return is_there;
    }
    void expect(char wanted) { check(accept(wanted), std::string("is damaged: expected '") + wanted + "'"); }
    bool accept_word(std::string_view word) {
        skip_blanks();
        bool const is_there = text_.substr(position_).starts_with(word);
        position_ += is_there ? word.size() : 0;
        return is_there;
    }

    std::string parse_string() {
        char const quote = peek();
        check(quote == '\'' || quote == '"', "is damaged: expected a quoted name");
        std::size_t const end = text_.find(quote, position_ + 1);
        check(end != std::string_view::npos, "is damaged: a quote is never closed");
        std::string_view const content = text_.substr(position_ + 1, end - position_ - 1);
        check(content.find('\\') == std::string_view::npos, "has an escape in a string");
        position_ = end + 1;
        return std::string(content);
    }

    bool parse_bool() {
        if (accept_word("True")) {
            return true;
        }
        check(accept_word("False"), "has a 'fortran_order' that is neither True nor False");
        return false;
    }

    Shape parse_shape() {
        Shape axes;
        check(accept('('), "has a 'shape' that is no tuple");
        while (!accept(')')) {
            axes.push_back(parse_axis());
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return axes;
    }

    std::int64_t parse_axis() {
        skip_blanks();
        char const* const begin = text_.data() + position_;
        std::int64_t value = 0;
        auto const [end, error] = std::from_chars(begin, text_.data() + text_.size(), value);
        check(error == std::errc(), "has a 'shape' that does not consist of 64-bit integers");
        position_ += static_cast<std::size_t>(end - begin);
        return value;
    }

    std::string_view text_;
    std::string const& what_;
    std::size_t position_ = 0;
};

DType parse_type(std::string_view descr, std::string const& what) {
    bool const has_order = descr.size() == 3 && (descr[0] == '<' || descr[0] == '>' || descr[0] == '|');
    std::string_view const kind = has_order ? descr.substr(1) : "";
    bool const is_byte = kind == "u1" || kind == "i1";
    if (has_order && (descr[0] != '|' || is_byte)) {
        for (auto const& [name, type] :
             {std::pair{"f8", DType::kF64}, std::pair{"f4", DType::kF32}, std::pair{"f2", DType::kF16},
              std::pair{"i4", DType::kI32}, std::pair{"i2", DType::kI16}, std::pair{"i1", DType::kI8},
              std::pair{"u2", DType::kU16}, std::pair{"u1", DType::kU8}}) {
            if (kind == name) {
                return type;
            }
        }
    }
    bool const is_object = descr.find('O') != std::string_view::npos;
    fail(ExitCode::kBadInput,
         "{}: dtype '{}' {}. Save the volume as float64, float32, float16, int32, int16, int8, uint16 or "
         "uint8.",
         what, printable(descr),
         is_object ? "is an object array, which is refused: loading one runs code" : "is not supported");
}

/// Bytes of the voxels.
std::uint64_t check_shape(Shape const& shape, DType type, std::string const& what) {
    require(shape.size() == 3, ExitCode::kBadInput,
            "{}: the array has {} axes {} (a CT volume has 3: x, y, z)", what, shape.size(),
            to_string(shape));
    std::uint64_t bytes = item_size_bytes(type);
    for (std::int64_t const size : shape) {
        require(size >= 1, ExitCode::kBadInput, "{}: the array's shape {} holds no voxels", what,
                to_string(shape));
        bool const overflows = __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(size), &bytes);
        require(!overflows, ExitCode::kBadInput, "{}: shape {} overflows 64 bits", what, to_string(shape));
    }
    return bytes;
}

}  // namespace

NpyHeader parse_npy_header(std::span<std::byte const> prefix, std::string const& what) {
    FieldReader fields(prefix, what + ": the .npy header");
    require(prefix.size() >= kMagic.size() && fields.take_text(kMagic.size()) == kMagic, ExitCode::kBadInput,
            "{}: not a .npy file (its magic is missing)", what);
    auto const major = fields.take<std::uint8_t>();
    auto const minor = fields.take<std::uint8_t>();
    require(major >= 1 && major <= 3 && minor == 0, ExitCode::kBadInput,
            "{}: .npy version {}.{} is unknown (1.0, 2.0 and 3.0 are)", what, major, minor);
    std::size_t const length_bytes = major == 1 ? 2 : 4;
    std::uint32_t const length = major == 1 ? fields.take<std::uint16_t>() : fields.take<std::uint32_t>();
    require(length <= kMaxNpyHeaderBytes, ExitCode::kBadInput,
            "{}: the .npy header claims {} bytes, at most {} are accepted", what, length, kMaxNpyHeaderBytes);

    std::string const text = fields.take_text(length);
    DictionaryParser dictionary(text, what);
    dictionary.parse();
    NpyHeader header;
    header.type = parse_type(*dictionary.descr, what);
    header.is_big_endian = dictionary.descr->front() == '>';
    header.is_fortran_order = *dictionary.is_fortran_order;
    header.shape = *dictionary.shape;
    header.payload_offset = kMagic.size() + 2 + length_bytes + length;
    header.payload_bytes = check_shape(header.shape, header.type, what);
    return header;
}

}  // namespace ctclip
