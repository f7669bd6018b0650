"""A small transformer that reads bytes and predicts the next one: 256 symbols, no tokeniser, about 0.87 million parameters."""

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.before_mlp = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def attention(self, x: torch.Tensor, past_only: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        # Half of the channels come from the byte before: pairs of bytes need not be found by attention, which saves hundreds
        # of steps at this size.
        x = torch.cat([x[:, :, : width // 2], functional.pad(x[:, :-1, width // 2 :], (0, 0, 1, 0))], dim=2)
        query, key, value = (
            part.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for part in self.query_key_value(x).split(width, dim=2)
        )
        scores = query @ key.transpose(2, 3) / (width // self.heads) ** 0.5 + past_only[:length, :length]
        mixed = functional.softmax(scores, dim=-1) @ value
        return self.attention_out(mixed.transpose(1, 2).reshape(batch, length, width))

    def forward(self, x: torch.Tensor, past_only: torch.Tensor) -> torch.Tensor:
        x = x + self.attention(self.before_attention(x), past_only)
        return x + self.mlp(self.before_mlp(x))


class ByteTransformer(nn.Module):
    def __init__(self, context: int = 128, width: int = 128, heads: int = 4, layers: int = 4):
        super().__init__()
        self.symbol = nn.Embedding(256, width)
        self.place = nn.Embedding(context, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.last_norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 256, bias=False)
        self.register_buffer("past_only", torch.full((context, context), float("-inf")).triu(1), persistent=False)
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, symbols: torch.Tensor) -> torch.Tensor:
        x = self.symbol(symbols) + self.place.weight[: symbols.shape[1]]
        for block in self.blocks:
            x = block(x, self.past_only)
        return self.head(self.last_norm(x))
