#include "arrow_export.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include <luban/core/time.hpp>

namespace luban::bindings {
namespace {

using process::Column;
using process::ColumnInfo;
using process::ColumnKind;

constexpr std::int64_t nullable = 2;  // ARROW_FLAG_NULLABLE

/// What a schema points to.
struct SchemaOwner {
  std::string format, name, metadata;
  std::vector<std::unique_ptr<ArrowSchema>> children;
  std::vector<ArrowSchema*> child_pointers;
  std::unique_ptr<ArrowSchema> dictionary;
};

void release_schema(ArrowSchema* schema) {
  auto* owner = static_cast<SchemaOwner*>(schema->private_data);
  for (const auto& child : owner->children) {
    if (child->release != nullptr) child->release(child.get());
  }
  if (owner->dictionary != nullptr && owner->dictionary->release != nullptr) {
    owner->dictionary->release(owner->dictionary.get());
  }
  delete owner;
  schema->release = nullptr;
}

void finish(ArrowSchema* out, std::unique_ptr<SchemaOwner> owner) {
  for (const auto& child : owner->children) owner->child_pointers.push_back(child.get());
  *out = {.format = owner->format.c_str(),
          .name = owner->name.c_str(),
          .metadata = owner->metadata.empty() ? nullptr : owner->metadata.data(),
          .flags = nullable,
          .n_children = static_cast<std::int64_t>(owner->children.size()),
          .children = owner->child_pointers.empty() ? nullptr : owner->child_pointers.data(),
          .dictionary = owner->dictionary.get(),
          .release = &release_schema,
          .private_data = nullptr};
  out->private_data = owner.release();
}

/// One pair of key and value in the standard's encoding: int32 counts before each.
std::string metadata_of(const std::string& key, const std::string& value) {
  std::string out;
  const auto append = [&out](std::size_t number) {
    const auto count = static_cast<std::int32_t>(number);
    out.append(reinterpret_cast<const char*>(&count), sizeof count);
  };
  append(1);
  append(key.size());
  out += key;
  append(value.size());
  return out + value;
}

std::unique_ptr<ArrowSchema> leaf(std::string format, std::string name) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->format = std::move(format);
  owner->name = std::move(name);
  auto schema = std::make_unique<ArrowSchema>();
  finish(schema.get(), std::move(owner));
  return schema;
}

std::unique_ptr<ArrowSchema> schema_of(const ColumnInfo& info) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->name = info.name;
  if (!info.unit.empty()) owner->metadata = metadata_of("unit", info.unit);
  switch (info.kind) {
    case ColumnKind::float64:
      owner->format = "g";
      break;
    case ColumnKind::time:
      owner->format = "tsn:UTC";
      break;
    case ColumnKind::code:
      owner->format = "i";
      owner->dictionary = leaf("U", "");
      break;
    case ColumnKind::string:
      owner->format = "U";
      break;
    case ColumnKind::ragged_float32:
      owner->format = "+L";
      owner->children.push_back(leaf("f", "item"));
      break;
  }
  auto schema = std::make_unique<ArrowSchema>();
  finish(schema.get(), std::move(owner));
  return schema;
}

/// What an array points to: a table that others may share, and what had to be made for it.
struct ArrayOwner {
  std::shared_ptr<const process::Table> table;
  std::vector<std::uint8_t> valid;
  std::vector<std::int64_t> offsets;
  std::string texts;
  std::vector<const void*> buffers;
  std::vector<std::unique_ptr<ArrowArray>> children;
  std::vector<ArrowArray*> child_pointers;
  std::unique_ptr<ArrowArray> dictionary;
};

void release_array(ArrowArray* array) {
  auto* owner = static_cast<ArrayOwner*>(array->private_data);
  for (const auto& child : owner->children) {
    if (child->release != nullptr) child->release(child.get());
  }
  if (owner->dictionary != nullptr && owner->dictionary->release != nullptr) {
    owner->dictionary->release(owner->dictionary.get());
  }
  delete owner;
  array->release = nullptr;
}

void finish(ArrowArray* out, std::unique_ptr<ArrayOwner> owner, std::size_t length, std::int64_t nulls) {
  for (const auto& child : owner->children) owner->child_pointers.push_back(child.get());
  *out = {.length = static_cast<std::int64_t>(length),
          .null_count = nulls,
          .offset = 0,
          .n_buffers = static_cast<std::int64_t>(owner->buffers.size()),
          .n_children = static_cast<std::int64_t>(owner->children.size()),
          .buffers = owner->buffers.data(),
          .children = owner->child_pointers.empty() ? nullptr : owner->child_pointers.data(),
          .dictionary = owner->dictionary.get(),
          .release = &release_array,
          .private_data = nullptr};
  out->private_data = owner.release();
}

/// One bit per row, set where it is there; none when all are.
template <typename T, typename Missing>
std::int64_t mark_valid(ArrayOwner& owner, const std::vector<T>& values, Missing missing) {
  const auto nulls = std::count_if(values.begin(), values.end(), missing);
  if (nulls == 0) return 0;
  owner.valid.assign((values.size() + 7) / 8, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!missing(values[i])) owner.valid[i / 8] = static_cast<std::uint8_t>(owner.valid[i / 8] | (1U << (i % 8)));
  }
  return nulls;
}

const void* valid_buffer(const ArrayOwner& owner) {
  return owner.valid.empty() ? nullptr : owner.valid.data();
}

std::unique_ptr<ArrowArray> text_array_of(const std::vector<std::string>& texts, bool empty_is_null) {
  auto owner = std::make_unique<ArrayOwner>();
  std::int64_t nulls = 0;
  if (empty_is_null) nulls = mark_valid(*owner, texts, [](const std::string& text) { return text.empty(); });
  owner->offsets.reserve(texts.size() + 1);
  owner->offsets.push_back(0);
  for (const std::string& text : texts) {
    owner->texts += text;
    owner->offsets.push_back(static_cast<std::int64_t>(owner->texts.size()));
  }
  owner->buffers = {valid_buffer(*owner), owner->offsets.data(), owner->texts.data()};
  auto array = std::make_unique<ArrowArray>();
  finish(array.get(), std::move(owner), texts.size(), nulls);
  return array;
}

std::unique_ptr<ArrowArray> number_array(std::shared_ptr<const process::Table> table, const void* values,
                                         std::size_t length) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->table = std::move(table);
  owner->buffers = {nullptr, values};
  auto array = std::make_unique<ArrowArray>();
  finish(array.get(), std::move(owner), length, 0);
  return array;
}

std::unique_ptr<ArrowArray> array_of(const std::shared_ptr<const process::Table>& table, const Column& column) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&column.data)) return text_array_of(*texts, true);
  if (const auto* numbers = std::get_if<std::vector<double>>(&column.data)) {
    return number_array(table, numbers->data(), numbers->size());
  }
  auto owner = std::make_unique<ArrayOwner>();
  owner->table = table;
  std::int64_t nulls = 0;
  if (const auto* times = std::get_if<std::vector<std::int64_t>>(&column.data)) {
    nulls = mark_valid(*owner, *times, [](std::int64_t time) { return time == core::UtcTime::missing_count; });
    owner->buffers = {valid_buffer(*owner), times->data()};
  } else if (const auto* codes = std::get_if<std::vector<std::int32_t>>(&column.data)) {
    nulls = mark_valid(*owner, *codes, [](std::int32_t code) { return code < 0; });
    owner->buffers = {valid_buffer(*owner), codes->data()};
    owner->dictionary = text_array_of(column.info.categories, false);
  } else {
    const auto& samples = std::get<process::Ragged>(column.data);
    owner->buffers = {nullptr, samples.offsets.data()};
    owner->children.push_back(number_array(table, samples.values.data(), samples.values.size()));
  }
  auto array = std::make_unique<ArrowArray>();
  finish(array.get(), std::move(owner), column.size(), nulls);
  return array;
}

/// Where a stream of rows stands.
struct StreamOwner {
  std::shared_ptr<const process::TableSource> source;
  std::vector<std::string> columns;
  std::vector<ColumnInfo> infos;
  std::vector<process::RowRange> blocks;
  std::size_t next = 0;
  std::string error;
};

/// Runs `body` and turns what it throws into an error of the stream.
template <typename Body>
int guarded(ArrowArrayStream* stream, const Body& body) {
  auto* owner = static_cast<StreamOwner*>(stream->private_data);
  try {
    body(*owner);
    return 0;
  } catch (const std::exception& error) {
    owner->error = error.what();
    return EIO;
  }
}

int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  return guarded(stream, [out](const StreamOwner& owner) { export_schema(owner.infos, out); });
}

int stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  return guarded(stream, [out](StreamOwner& owner) {
    out->release = nullptr;  // the end
    if (owner.next == owner.blocks.size()) return;
    auto table = std::make_shared<const process::Table>(owner.source->read(owner.columns, owner.blocks[owner.next]));
    ++owner.next;
    export_table(std::move(table), out);
  });
}

const char* stream_error(ArrowArrayStream* stream) {
  const auto* owner = static_cast<StreamOwner*>(stream->private_data);
  return owner->error.empty() ? nullptr : owner->error.c_str();
}

void release_stream(ArrowArrayStream* stream) {
  delete static_cast<StreamOwner*>(stream->private_data);
  stream->release = nullptr;
}

}  // namespace

void export_schema(const std::vector<ColumnInfo>& columns, ArrowSchema* out) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->format = "+s";
  for (const ColumnInfo& info : columns) owner->children.push_back(schema_of(info));
  finish(out, std::move(owner));
}

void export_table(std::shared_ptr<const process::Table> table, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  for (const Column& column : table->columns()) owner->children.push_back(array_of(table, column));
  owner->buffers = {nullptr};
  const std::size_t rows = table->row_count();
  owner->table = std::move(table);
  finish(out, std::move(owner), rows, 0);
}

void export_stream(std::shared_ptr<const process::TableSource> source, std::vector<std::string> columns,
                   ArrowArrayStream* out) {
  auto owner = std::make_unique<StreamOwner>();
  const process::Table none = source->read(columns, {0, 0});  // says which column is not there
  for (const Column& column : none.columns()) owner->infos.push_back(column.info);
  owner->blocks = source->blocks();
  owner->source = std::move(source);
  owner->columns = std::move(columns);
  *out = {.get_schema = &stream_schema,
          .get_next = &stream_next,
          .get_last_error = &stream_error,
          .release = &release_stream,
          .private_data = owner.release()};
}

}  // namespace luban::bindings
