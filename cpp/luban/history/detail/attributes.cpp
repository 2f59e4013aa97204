#include <algorithm>
#include <luban/core/error.hpp>
#include <luban/history/detail/tree_file.hpp>

namespace luban::history::detail {
namespace {

Handle text_type(const Hdf5Place& place) {
  Handle type(checked(H5Tcopy(H5T_C_S1), "H5Tcopy", place), &H5Tclose);
  checked(H5Tset_size(type.id(), H5T_VARIABLE), "H5Tset_size", place);
  checked(H5Tset_cset(type.id(), H5T_CSET_UTF8), "H5Tset_cset", place);
  return type;
}

Handle space_of(hsize_t count, bool scalar, const Hdf5Place& place) {
  const hid_t id = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, nullptr);
  return {checked(id, "H5Screate", place), &H5Sclose};
}

void write_raw(hid_t object, const std::string& name, hid_t type, const Handle& space, const void* data,
               const Hdf5Place& place) {
  Handle attribute(
      checked(H5Acreate2(object, name.c_str(), type, space.id(), H5P_DEFAULT, H5P_DEFAULT), "H5Acreate2", place),
      &H5Aclose);
  // An empty list has nothing to write; the library would still look at the pointer.
  if (data != nullptr) checked(H5Awrite(attribute.id(), type, data), "H5Awrite", place);
}

void write_texts(hid_t object, const std::string& name, const std::vector<const char*>& texts, bool scalar,
                 const Hdf5Place& place) {
  const Handle type = text_type(place);
  const Handle space = space_of(texts.size(), scalar, place);
  write_raw(object, name, type.id(), space, texts.empty() ? nullptr : static_cast<const void*>(texts.data()), place);
}

void write_numbers(hid_t object, const std::string& name, const std::vector<std::int64_t>& numbers, bool scalar,
                   const Hdf5Place& place) {
  const Handle space = space_of(numbers.size(), scalar, place);
  write_raw(object, name, H5T_STD_I64LE, space, numbers.empty() ? nullptr : static_cast<const void*>(numbers.data()),
            place);
}

std::vector<std::string> read_texts(hid_t attribute, hid_t type, hid_t space, std::size_t count,
                                    const Hdf5Place& place) {
  std::vector<std::string> texts(count);
  if (count == 0) return texts;
  if (checked(H5Tis_variable_str(type), "H5Tis_variable_str", place) > 0) {
    std::vector<char*> raw(count, nullptr);
    const Handle memory = text_type(place);
    checked(H5Aread(attribute, memory.id(), raw.data()), "H5Aread", place);
    for (std::size_t i = 0; i < count; ++i) texts[i] = raw[i] != nullptr ? raw[i] : "";
    H5Dvlen_reclaim(memory.id(), space, H5P_DEFAULT, raw.data());
    return texts;
  }
  const std::size_t length = H5Tget_size(type);
  std::vector<char> raw(count * length);
  checked(H5Aread(attribute, type, raw.data()), "H5Aread", place);
  for (std::size_t i = 0; i < count; ++i) {
    texts[i].assign(raw.data() + i * length, length);
    texts[i].resize(texts[i].find_last_not_of('\0') + 1);
  }
  return texts;
}

AttributeValue read_value(hid_t attribute, const Hdf5Place& place) {
  const Handle type(checked(H5Aget_type(attribute), "H5Aget_type", place), &H5Tclose);
  const Handle space(checked(H5Aget_space(attribute), "H5Aget_space", place), &H5Sclose);
  const hssize_t points = checked(H5Sget_simple_extent_npoints(space.id()), "H5Sget_simple_extent_npoints", place);
  const auto count = static_cast<std::size_t>(points);
  constexpr std::size_t most_bytes = std::size_t{16} << 20;
  const std::size_t size = std::max<std::size_t>(1, H5Tget_size(type.id()));
  if (count > most_bytes / size) {
    throw core::IntegrityError({.where = place.where,
                                .expected = "an attribute of at most 16 MiB",
                                .received = std::to_string(count) + " elements of " + std::to_string(size) + " bytes",
                                .place = place.file + ", " + place.object,
                                .hint = "the file was not written by this format's rules"});
  }
  const bool scalar = H5Sget_simple_extent_type(space.id()) == H5S_SCALAR;
  switch (H5Tget_class(type.id())) {
    case H5T_STRING: {
      auto texts = read_texts(attribute, type.id(), space.id(), count, place);
      if (scalar) return std::move(texts.front());
      return texts;
    }
    case H5T_INTEGER: {
      std::vector<std::int64_t> numbers(count);
      if (count > 0) checked(H5Aread(attribute, H5T_NATIVE_INT64, numbers.data()), "H5Aread", place);
      if (scalar) return numbers.front();
      return numbers;
    }
    default:
      return std::monostate{};
  }
}

}  // namespace

void write_attributes(const Hdf5Lock&, hid_t object, const Attributes& attributes, const Hdf5Place& place) {
  for (const auto& [name, value] : attributes) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      write_texts(object, name, {text->c_str()}, true, place);
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
      write_numbers(object, name, {*number}, true, place);
    } else if (const auto* numbers = std::get_if<std::vector<std::int64_t>>(&value)) {
      write_numbers(object, name, *numbers, false, place);
    } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
      std::vector<const char*> pointers;
      for (const auto& item : *texts) pointers.push_back(item.c_str());
      write_texts(object, name, pointers, false, place);
    }
  }
}

Attributes read_attributes(const Hdf5Lock&, hid_t object, const Hdf5Place& place) {
  Attributes attributes;
  const int count = checked(H5Aget_num_attrs(object), "H5Aget_num_attrs", place);
  for (int i = 0; i < count; ++i) {
    const Handle attribute(checked(H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, static_cast<hsize_t>(i),
                                                  H5P_DEFAULT, H5P_DEFAULT),
                                   "H5Aopen_by_idx", place),
                           &H5Aclose);
    const ssize_t length = checked(H5Aget_name(attribute.id(), 0, nullptr), "H5Aget_name", place);
    std::string name(static_cast<std::size_t>(length) + 1, '\0');
    checked(H5Aget_name(attribute.id(), name.size(), name.data()), "H5Aget_name", place);
    name.pop_back();
    attributes.push_back({std::move(name), read_value(attribute.id(), place)});
  }
  return attributes;
}

}  // namespace luban::history::detail
