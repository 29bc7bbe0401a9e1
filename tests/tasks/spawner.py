"""Run through the shim: does a spawned child see the registration?"""

import torch


def child(task: type) -> None:
    import espnet2.tasks.enh as enh

    criterion = enh.criterion_choices.get_class("ssl").__name__
    print(f"{task.__name__} in the child: {criterion}, {enh.ESPnetEnhancementModel}")


def main() -> None:
    from espnet2.bin import enh_train

    # as AbsTask.main does, which hands cls.main_worker to the child
    context = torch.multiprocessing.get_context("spawn")
    process = context.Process(target=child, args=(enh_train.EnhancementTask,))
    process.start()
    process.join()
