"""Frames in and audio out over one WebSocket."""

from fastapi import APIRouter, WebSocket

from server.streams.conversation import Conversation

router = APIRouter(prefix="/v1")


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """A conversation; `docs/http.md` describes its messages."""
    conversation = Conversation(socket)
    conversations: set[Conversation] = socket.app.state.conversations
    conversations.add(conversation)
    try:
        await conversation.run()
    finally:
        conversations.discard(conversation)
