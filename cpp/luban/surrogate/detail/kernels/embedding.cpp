#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include <luban/surrogate/detail/kernels/kernels.hpp>
#include <luban/surrogate/detail/simd.hpp>

namespace luban::surrogate::detail {

namespace {

constexpr double start_spread = 0.5;  // of the logarithms of starting places: equal ones would never part

/// exp(−Σ |e − e′|² / 2) over the categorical inputs, e the learned place of a category in a space of few dimensions,
/// all coordinates positive: distances do not tell where the origin is (Zhang, Tao, Chen and Apley 2020).
class Embedding final : public Factor {
 public:
  Embedding(const FactorSpec& spec, const features::Encoder& encoder, const InputLayout& layout,
            Eigen::Index first_parameter)
      : Factor(first_parameter) {
    for (std::size_t k = 0; k < layout.categorical().size(); ++k) {
      const features::EncodedVariable& input = encoder.variables()[static_cast<std::size_t>(layout.categorical()[k])];
      const Eigen::Index levels = layout.levels()[k];
      const Eigen::Index rank = rank_of(spec, levels);
      inputs_.push_back({.levels = levels, .rank = rank});
      width_ += rank;
      for (Eigen::Index level = 0; level < levels; ++level) {
        for (Eigen::Index c = 0; c < rank; ++c) add_place(spec, input, level, c);
      }
    }
  }

  [[nodiscard]] std::optional<double> spectral_degrees() const noexcept override {
    return std::numeric_limits<double>::infinity();
  }
  [[nodiscard]] bool of_categories() const noexcept override { return true; }
  [[nodiscard]] bool moves_coordinates() const noexcept override { return true; }

  [[nodiscard]] Eigen::MatrixXd coordinates(const Eigen::VectorXd& theta, const Points& points) const override {
    Eigen::MatrixXd out(points.count(), width_);
    for_each_place([&](Eigen::Index category, Eigen::Index column, Eigen::Index parameter, bool first) {
      const double place = std::exp(theta(parameter));
      if (first) out.col(column).setZero();
      out.col(column) += place * points.one_hot.col(category);
    });
    return out;
  }

  void profile(std::size_t count, double* r2, double* /*slope*/) const override { simd_table().rbf(count, r2, r2); }

  void add_gradient_of_coordinates(const Eigen::VectorXd& theta, const Points& points,
                                   const Eigen::MatrixXd& by_coordinates, Eigen::VectorXd& gradient) const override {
    for_each_place([&](Eigen::Index category, Eigen::Index column, Eigen::Index parameter, bool /*first*/) {
      gradient(parameter) += std::exp(theta(parameter)) * points.one_hot.col(category).dot(by_coordinates.col(column));
    });
  }

 private:
  struct Input {
    Eigen::Index levels;
    Eigen::Index rank;
  };

  void add_place(const FactorSpec& spec, const features::EncodedVariable& input, Eigen::Index level, Eigen::Index c) {
    const auto levels = static_cast<double>(input.categories.size());
    HyperparameterSpec place = spec.length;
    if (!place.fixed) {
      const double angle = std::numbers::pi * static_cast<double>(c + 1) * (static_cast<double>(level) + 0.5) / levels;
      place.start = std::clamp(place.start * std::exp(start_spread * std::cos(angle)), place.low, place.high);
    }
    add_hyperparameter("log_place:" + spec.name + ":" + input.name + ":" +
                           input.categories[static_cast<std::size_t>(level)] + ":" + std::to_string(c),
                       place);
  }

  // Calls body(column of one_hot, coordinate, place in theta, whether it is the coordinate's first).
  template <typename Body>
  void for_each_place(Body body) const {
    Eigen::Index category = 0;
    Eigen::Index column = 0;
    Eigen::Index parameter = first();
    for (const Input& input : inputs_) {
      for (Eigen::Index level = 0; level < input.levels; ++level, ++category) {
        for (Eigen::Index c = 0; c < input.rank; ++c) body(category, column + c, parameter++, level == 0);
      }
      column += input.rank;
    }
  }

  std::vector<Input> inputs_;
  Eigen::Index width_ = 0;
};

}  // namespace

std::unique_ptr<Factor> make_embedding(const FactorSpec& spec, const features::Encoder& encoder,
                                       const InputLayout& layout, Eigen::Index first_parameter) {
  return std::make_unique<Embedding>(spec, encoder, layout, first_parameter);
}

}  // namespace luban::surrogate::detail
