#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <unistd.h>

#include <luban/core/error.hpp>
#include <luban/surrogate/artefact.hpp>
#include <luban/surrogate/gaussian_process.hpp>

#include "hand_made.hpp"

namespace luban::surrogate {
namespace {

class Files : public testing::Test {
 protected:
  Files() : folder_(std::filesystem::temp_directory_path() / ("luban-artefact-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(folder_);
  }
  ~Files() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path path(const std::string& name = "model.safetensors") const {
    return folder_ / name;
  }

  [[nodiscard]] std::filesystem::path written(const std::string& bytes) const {
    std::ofstream(path("hostile"), std::ios::binary) << bytes;
    return path("hostile");
  }

  [[nodiscard]] static std::string bytes_of(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }

 private:
  std::filesystem::path folder_;
};

Artefact example() {
  Artefact out;
  out.tensors["weights"] = {.shape = {2, 3}, .values = std::vector<double>{1, 2, 3, 4, 5, 6.5}};
  out.tensors["odd"] = {.shape = {3}, .values = std::vector<float>{0.5F, 1.5F, 2.5F}};
  out.tensors["run"] = {.shape = {2}, .values = std::vector<std::int64_t>{-1, 7}};
  out.tensors["empty"] = {.shape = {0, 4}, .values = std::vector<double>{}};
  out.metadata = core::Json::object().set("kind", "gaussian_process").set("note", "µm \"quoted\"");
  return out;
}

// A file around a header text, with `data` bytes of zeros.
std::string around(const std::string& header, std::size_t data) {
  const std::uint64_t length = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &length, 8);
  return out + header + std::string(data, '\0');
}

std::string with_array(const std::string& array) {
  return R"({"__metadata__":{"format":"luban-artefact","version":"1","luban":"{}"},"a":)" + array + "}";
}

TEST_F(Files, comes_back_as_it_was) {
  const Artefact out = example();
  out.save(path());
  const Artefact back = Artefact::load(path());
  EXPECT_EQ(back.metadata, out.metadata);
  ASSERT_EQ(back.tensors.size(), out.tensors.size());
  for (const auto& [name, tensor] : out.tensors) {
    EXPECT_EQ(back.tensors.at(name).shape, tensor.shape);
    EXPECT_EQ(back.tensors.at(name).values, tensor.values);
  }
  EXPECT_EQ(back.digest(), out.digest());
  EXPECT_EQ(out.digest().size(), 64U);
  EXPECT_FALSE(std::filesystem::exists(path("model.safetensors.part" + std::to_string(::getpid()))));
}

TEST_F(Files, every_array_is_aligned_to_its_values) {
  example().save(path());
  const std::string bytes = bytes_of(path());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  const core::Json header = core::Json::parse(bytes.substr(8, length));
  for (const char* name : {"weights", "run"}) {
    EXPECT_EQ(header.at(name).at("data_offsets").as_array()[0].as_int() % 8, 0) << name;
  }
}

TEST_F(Files, a_changed_value_changes_the_digest) {
  Artefact other = example();
  std::get<std::vector<double>>(other.tensors["weights"].values)[0] = 1.0000000001;
  EXPECT_NE(other.digest(), example().digest());
}

TEST_F(Files, a_file_cut_anywhere_is_refused) {
  example().save(path());
  const std::string bytes = bytes_of(path());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_THROW(static_cast<void>(Artefact::load(written(bytes.substr(0, length)))), core::IntegrityError) << length;
  }
  EXPECT_THROW(static_cast<void>(Artefact::load(written(bytes + "x"))), core::IntegrityError);
}

TEST_F(Files, a_byte_changed_anywhere_is_refused) {
  example().save(path());
  const std::string bytes = bytes_of(path());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 1);
    EXPECT_THROW(static_cast<void>(Artefact::load(written(other))), core::IntegrityError) << at;
  }
  EXPECT_THROW(static_cast<void>(Artefact::load(
                   written(around(R"({"__metadata__":{"format":"luban-artefact","version":"1","luban":"{}"}})", 0)))),
               core::IntegrityError);
}

TEST_F(Files, hostile_headers_are_refused) {
  const std::vector<std::string> hostile{
      std::string(8, '\xff') + "{}",  // absurd length
      around("not json", 0),
      around("[1]", 0),
      around("{}", 0),  // no metadata
      around(R"({"__metadata__":{"format":"pt"}})", 0),
      around(with_array(R"({"dtype":"F64","shape":[2],"data_offsets":[0,8]})"), 8),    // too few bytes
      around(with_array(R"({"dtype":"F64","shape":[1],"data_offsets":[0,8]})"), 16),   // bytes left over
      around(with_array(R"({"dtype":"F64","shape":[1],"data_offsets":[8,16]})"), 16),  // a gap
      around(with_array(R"({"dtype":"F64","shape":[1],"data_offsets":[0,80]})"), 8),   // beyond the end
      around(with_array(R"({"dtype":"F64","shape":[1],"data_offsets":[8,0]})"), 8),
      around(with_array(R"({"dtype":"F64","shape":[-1],"data_offsets":[0,8]})"), 8),
      around(with_array(R"({"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]})"), 0),
      around(with_array(R"({"dtype":"F64","shape":[9223372036854775807],"data_offsets":[0,8]})"), 8),
      around(with_array(R"({"dtype":"BF16","shape":[4],"data_offsets":[0,8]})"), 8),
      around(with_array(R"({"dtype":"F64","shape":"x","data_offsets":[0,8]})"), 8),
      around(with_array(R"({"dtype":"F64","shape":[1]})"), 8),
      around(
          with_array(
              R"({"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]})"),
          8),
      around(with_array(std::string(200, '[') + std::string(200, ']')), 0),  // exhausts a stack
      around(R"({"__metadata__":{"format":"luban-artefact","version":"x","luban":"{}"}})", 0),
      around(R"({"__metadata__":{"format":"luban-artefact","version":"1","luban":"{"}})", 0),
  };
  for (const std::string& bytes : hostile) {
    try {
      static_cast<void>(Artefact::load(written(bytes)));
      ADD_FAILURE() << "accepted " << bytes.substr(8, 120);
    } catch (const core::IntegrityError& error) {  // seen before the seal is looked at
      EXPECT_EQ(error.detail().expected.find("SHA-256"), std::string::npos) << bytes.substr(8, 120);
    }
  }
}

TEST_F(Files, a_newer_version_is_told_from_damage) {
  const std::string newer = around(R"({"__metadata__":{"format":"luban-artefact","version":"2","luban":"{}"}})", 0);
  EXPECT_THROW(static_cast<void>(Artefact::load(written(newer))), core::VersionError);
}

TEST_F(Files, what_the_system_refuses_is_an_io_error) {
  EXPECT_THROW(static_cast<void>(Artefact::load(path("absent"))), core::IoError);
  EXPECT_THROW(static_cast<void>(Artefact::load(path().parent_path())), core::IoError);
  EXPECT_THROW(example().save(path("no/such/folder")), core::IoError);
}

TEST_F(Files, a_gaussian_process_comes_back_to_the_bit) {
  test::Plan plan{.variables = {test::numeric("feed"), test::categorical("material", 2),
                                test::categorical("position", 3, features::Role::noise)},
                  .runs = 20,
                  .points = 3,
                  .repeats = 2,
                  .responses = 2};
  for (const char* preset : {"luban", "hvarfner"}) {
    const auto model = GaussianProcess::fit(test::make(plan), {.preset = preset}, core::RandomKey(1));
    Artefact artefact;
    model->write(artefact);
    artefact.save(path());
    const auto back = GaussianProcess::read(Artefact::load(path()));
    const test::MatrixXd X = test::random_inputs(model->encoder(), 40, 8);
    const auto before = model->posterior(X, {.gradients = true, .joint = true});
    const auto after = back->posterior(X, {.gradients = true, .joint = true});
    EXPECT_EQ(before->mean(), after->mean());
    EXPECT_EQ(before->variance(VarianceOf::reading), after->variance(VarianceOf::reading));
    EXPECT_EQ(before->covariance(1, VarianceOf::latent), after->covariance(1, VarianceOf::latent));
    EXPECT_EQ(before->variance_gradient(0), after->variance_gradient(0));
    EXPECT_EQ(back->preset(), preset);
    EXPECT_EQ(back->responses()[1].name, model->responses()[1].name);
    EXPECT_EQ(back->reports()[0].log_posterior, model->reports()[0].log_posterior);
    EXPECT_EQ(back->reports()[0].hyperparameters, model->reports()[0].hyperparameters);
  }
}

TEST_F(Files, a_damaged_gaussian_process_is_refused) {
  const auto model = GaussianProcess::fit(test::make({}), {}, core::RandomKey(1));
  Artefact whole;
  model->write(whole);
  for (const auto& [name, tensor] : whole.tensors) {
    Artefact damaged = whole;
    damaged.tensors.erase(name);
    EXPECT_THROW(static_cast<void>(GaussianProcess::read(damaged)), core::IntegrityError) << name;
    damaged = whole;
    damaged.tensors[name] = {.shape = {1}, .values = std::vector<double>{0.0}};
    EXPECT_THROW(static_cast<void>(GaussianProcess::read(damaged)), core::IntegrityError) << name;
  }
  const std::string totals = "gaussian_process/0/totals";
  const std::vector<double> right = std::get<std::vector<double>>(whole.tensors.at(totals).values);
  const auto with_total = [&](std::size_t place, double value) {
    Artefact out = whole;
    std::get<std::vector<double>>(out.tensors.at(totals).values)[place] = value;
    return out;
  };
  const auto with_number = [&](const std::string& key, const core::Json& value) {
    Artefact out = whole;
    core::Json of_process = out.metadata.at("gaussian_process");
    core::Json numbers = of_process.at("model");
    numbers.set(key, value);
    of_process.set("model", std::move(numbers));
    out.metadata.set("gaussian_process", std::move(of_process));
    return out;
  };
  core::Json upside_down = whole.metadata.at("gaussian_process").at("model").at("within");
  upside_down.set("low", 2.0).set("high", 1.0);
  for (const Artefact& impossible :
       {with_total(0, -1.0), with_total(2, 1e300), with_total(2, -5.0), with_total(2, right[2] + 0.5),
        with_total(4, 1e308), with_total(4, 0.0), with_number("mean_variance", core::Json(-100.0)),
        with_number("within", upside_down)}) {
    EXPECT_THROW(static_cast<void>(GaussianProcess::read(impossible)), core::IntegrityError);
  }
  EXPECT_NO_THROW(static_cast<void>(GaussianProcess::read(with_total(2, right[2]))));
  Artefact other = whole;
  other.metadata = core::Json::object();
  EXPECT_THROW(static_cast<void>(GaussianProcess::read(other)), core::IntegrityError);
}

}  // namespace
}  // namespace luban::surrogate
